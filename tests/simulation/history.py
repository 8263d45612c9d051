"""One integer, one history: what its seed draws, what happens, and what must hold at the end."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from control_plane.infra.bus import Bus
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.halting import Halts
from tests.coindcx_sim.faults import Fault
from tests.coindcx_sim.switches import Switches
from tests.simulation.loop import SeededLoop
from tests.simulation.process import Perils
from tests.simulation.sea import SCALE, SECOND, Chart, Kind, Sea, Ship, open_sea

TERMINAL = (
    "DENIED", "FILLED", "CANCELLED", "REJECTED", "EXPIRED", "ABANDONED", "QUARANTINED",
)  # fmt: skip
LONGEST_CALM = 60.0  # longer than any doubt may last before a person is asked


@dataclass
class Outcome:
    seed: int
    digest: str  # the same for the same history
    wrong: Sequence[str] = ()
    steps: int = 0
    facts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Mood:
    """What makes one rare thing common, so that few histories suffice to meet it."""

    lost: float = 0.08
    late: float = 0.15
    outages: float = 0.0  # seconds that one lasts
    cut: float = 0.0
    create_late: float = 0.0
    hidden: float = 0.0
    socket_pause: float = 0.0
    kill: float = 0.005
    pause: float = 0.005
    is_crowded: bool = False
    hours: tuple[float, float] = (0.7, 1.4)  # seconds of trouble


LONG = (1.5, 2.5)  # time enough for an outage, or a sleep beyond a lease, to end by itself
MOODS = (
    Mood(0.02, 0.02),
    Mood(0.02, 0.02, kill=0.02),
    Mood(0.1, 0.3),
    Mood(0.02, 0.02, create_late=0.9),
    Mood(0.02, 0.05, outages=20 * SCALE, cut=0.4, kill=0.0, hours=LONG),
    Mood(0.02, 0.05, socket_pause=0.4, kill=0.0, hours=LONG),
    Mood(0.2, 0.1, hidden=0.3),
    Mood(0.2, 0.2, is_crowded=True),
)


def chart_of(seed: int, rng: random.Random) -> Chart:
    mood = rng.choice(MOODS)
    hours = rng.uniform(*mood.hours)
    kind: Kind = "spot" if mood.is_crowded else rng.choice(("spot", "fut"))
    return Chart(
        seed=seed,
        venue=rng.choice(("coindcx", "coindcx", "coindcx", "paper")),
        kind=kind,
        accounts=1 if mood.is_crowded else rng.choice((1, 1, 2)),
        is_crowded=mood.is_crowded,
        perils=Perils(
            kill=mood.kill,
            pause=mood.pause,
            longest_pause=60 * SCALE,
            socket_pause=mood.socket_pause,
            database=rng.choice((0, 0, 0.01)),
        ),
        switches=Switches(
            window_ms=int(10_000 * SCALE),
            skew_ms=rng.randint(-int(2_000 * SCALE), int(2_000 * SCALE)),
            match_delay_ms=rng.choice((0, 2, 20)),
            limits_on=False,
            unknown_order=rng.choice((404, 422)),
            inline_stops=rng.choice(("kept", "kept", "dropped")),
            created_as=rng.choice(("init", "open")),
        ),
        outages=_outages(rng, hours, mood.outages),
        lost=mood.lost,
        slow=mood.late,
        late=mood.late,
        cut=mood.cut,
        create_late=mood.create_late,
        faults={
            Fault("accept_then_500"): 0.08,
            Fault("accept_then_html_502"): 0.04,
            Fault("accept_then_429"): 0.03,
            Fault("bad_json"): 0.03,
            Fault("invisible_for", (60 if mood.hidden else 3) * SCALE): mood.hidden or 0.08,
            Fault("partial_fill", 1): 0.06,
            Fault("reject_after_ack"): 0.03,
            Fault("drop_sl_silently"): 0.03,
        },
        hours=hours,
        second=rng.uniform(0, hours) if mood.socket_pause or rng.random() < 0.3 else None,
        hidden=mood.hidden,
    )


def _outages(rng: random.Random, hours: float, lasting: float) -> tuple[tuple[float, float], ...]:
    found: list[tuple[float, float]] = []
    at = 0.0
    while lasting and at < hours:
        at += rng.expovariate(1 / (20 * SCALE))
        lasts = rng.expovariate(1 / lasting)
        found.append((at, at + lasts))
        at += lasts
    return tuple(found)


def _as_built(sea: Sea, ship: Ship) -> None:
    """Nothing is switched off."""


def sail(
    seed: int, refit: Callable[[Sea, Ship], None] = _as_built, desk: type[Desk] = Desk
) -> Outcome:
    """Run the history of this seed to its end and judge it."""
    rng = random.Random(seed)
    loop = SeededLoop(rng)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(_voyage(seed, rng, refit, desk))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _voyage(
    seed: int, rng: random.Random, refit: Callable[[Sea, Ship], None], desk: type[Desk]
) -> Outcome:
    from tests.simulation.judge import judge

    sea = open_sea(chart_of(seed, rng), rng, refit, desk)
    await sea.tick()
    sea.launch()
    if sea.chart.second is not None:
        asyncio.get_running_loop().call_later(sea.chart.second, sea._relaunch)
    await _trouble(sea)
    sea.calm()
    wrong = await _calm(sea)
    wrong += await judge(sea)
    digest = await _digest(sea)
    steps = sum(ship.fate.passed for ship in sea.ships)
    facts = {f"intent {k}": n for k, n in facts_of(await sea.rows("intent")).items()}
    facts |= {f"trade {k}": n for k, n in facts_of(await sea.rows("trade")).items()}
    facts["processes"] = len(sea.ships)
    await sea.end()
    return Outcome(seed, digest, wrong, steps, facts)


async def _trouble(sea: Sea) -> None:
    """Signals, prices, halts and hands, at times that the seed draws."""
    rng = sea.rng
    loop = asyncio.get_running_loop()
    end = loop.time() + sea.chart.hours
    halts = Halts(sea.db, Bus("redis://127.0.0.1:1", sea.clock))
    while loop.time() < end:
        await sea.clock.sleep(rng.uniform(0.02, 0.3))
        match rng.randrange(8):
            case 0 | 1 | 2:
                action = _action(sea)
                await sea.signal(action)
                if sea.chart.is_crowded:
                    await sea.signal(action, again=True, of=SECOND)
            case 3:
                action = _action(sea)
                if not action.startswith("EXIT"):
                    other = "SHORT" if action == "LONG" else "LONG"
                    await sea.signal(f"EXIT_{other}")
                    if sea.instrument.is_futures or action == "LONG":
                        await sea.signal(action, again=True)
            case 4:
                await halts.halt("platform", by_user="us1")
                sea.hint("orders")
                await sea.clock.sleep(rng.uniform(0.05, 0.3))
                await halts.unhalt("platform", by_user="us1")
            case _:
                volume = rng.choice(("0.02", "0.5", "100"))
                await sea.tick(sea.price + rng.randrange(1_201) - 600, volume)


def _action(sea: Sea) -> str:
    rng = sea.rng
    side = rng.choice(("LONG", "SHORT")) if sea.instrument.is_futures else "LONG"
    return side if rng.random() < 0.7 else f"EXIT_{side}"


async def _calm(sea: Sea) -> list[str]:
    """The strategy wants out, the market is deep: wait until nothing is under way."""
    loop = asyncio.get_running_loop()
    await sea.tick(volume="100000")
    await sea.clock.sleep(0.5)
    for side in ("LONG", "SHORT"):
        await sea.signal(f"EXIT_{side}")
        if sea.chart.is_crowded:
            await sea.signal(f"EXIT_{side}", again=True, of=SECOND)
        await sea.tick(volume="100000")
        await sea.clock.sleep(0.25)
    until = loop.time() + LONGEST_CALM
    left: list[str] = ["not looked"]
    while loop.time() < until:
        left = await _under_way(sea)
        if not left:
            return []
        await sea.clock.sleep(0.25)
        await sea.tick(volume="100000")
    return [f"still under way: {one}" for one in left]


async def _under_way(sea: Sea) -> list[str]:
    intents = await sea.rows("intent")
    trades = await sea.rows("trade")
    signals = await sea.rows("signal")
    return [
        *(
            f"intent {row.leg} {row.state} {row.reason}"
            for row in intents
            if row.state not in TERMINAL
        ),
        *(f"trade {row.state} {row.quantity}" for row in trades if row.state != "closed"),
        *(f"signal {row.id}" for row in signals if row.state == "accepted"),
    ]


async def _digest(sea: Sea) -> str:
    """Of everything that happened, in its order."""
    told = sha256()
    for row in await sea.rows("event"):
        told.update(repr(tuple(row)).encode())
    return told.hexdigest()[:16]


def facts_of(rows: Any) -> dict[str, int]:
    counted: dict[str, int] = {}
    for row in rows:
        counted[row.state] = counted.get(row.state, 0) + 1
    return counted
