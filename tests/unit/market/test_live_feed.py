"""Real markets, as far as a simulated exchange is one: what is committed and said is what traded,
whatever the sockets and the network do.

`SLIPWAY_SOAK_MINUTES=5000` sets how long the long soak is.
"""

import os
from collections import Counter
from decimal import Decimal

import pytest

from control_plane.infra import events
from control_plane.infra.db import Database
from control_plane.market import service, store
from control_plane.market.models.trades import MINUTE_MS
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import DURATION_MS, Resolution, sequence
from tests.coindcx_sim.build import START_MS
from tests.coindcx_sim.faults import Fault
from tests.coindcx_sim.sockets import Weather
from tests.fakes.clock import FakeClock
from tests.unit.market.live import NAMES, Sea, clock_at_start

SOAK_MINUTES = int(os.environ.get("SLIPWAY_SOAK_MINUTES", "1000"))
SPOT, PERPETUAL = NAMES
FIRST = START_MS // MINUTE_MS * MINUTE_MS
STORM = Weather(lost=0.15, doubled=0.1, delayed=0.1)


@pytest.fixture
def clock() -> FakeClock:
    return clock_at_start()


def plain(candles: list[Candle]) -> list[tuple[float, ...]]:
    return [(c.open_ms, c.open, c.high, c.low, c.close, c.volume, c.seq) for c in candles]


async def stored(memory: Database, identity: str, resolution: Resolution) -> list[Candle]:
    return await memory.read(store.latest_candles, identity, resolution, 1_000_000)


def joined(minutes: list[Candle], resolution: Resolution) -> list[Candle]:
    """The longer candles that are whole, made once more and otherwise than the product makes
    them.
    """
    count = DURATION_MS[resolution] // MINUTE_MS
    made: list[Candle] = []
    for start in range(-(minutes[0].open_ms // MINUTE_MS) % count, len(minutes) - count + 1, count):
        part = minutes[start : start + count]
        traded = [each for each in part if each.volume] or part
        volume = sum((Decimal(repr(each.volume)) for each in part), Decimal(0))
        made.append(
            Candle(
                part[0].open_ms,
                traded[0].open,
                max(each.high for each in traded),
                min(each.low for each in traded),
                part[-1].close,
                float(volume),
                sequence(resolution, part[0].open_ms),
            )
        )
    return made


async def check(sea: Sea, memory: Database, least: int) -> None:
    """Every closed candle is the exchange's, none is missing, none came twice."""
    for identity in NAMES:
        found = await stored(memory, identity, "1m")
        assert len(found) >= least, identity
        line = sea.exchange.world.tape.line(NAMES[identity])
        begins = min(line.minutes)
        until = found[-1].open_ms + MINUTE_MS
        truth = sea.truth(identity, begins, until, 0.0)
        assert plain(found) == plain(truth), identity
        for resolution in ("5m", "15m", "1h"):
            longer = await stored(memory, identity, resolution)
            whole = joined(truth, resolution)
            # Of what came before the first minute there are longer candles too.
            assert [each for each in plain(longer) if each[0] >= begins] == plain(whole), identity
    counted = Counter((c.instrument, c.resolution, c.candle.open_ms) for c in sea.voice.said)
    assert max(counted.values()) == 1


async def test_minutes_close_as_the_exchange_says(memory: Database, clock: FakeClock) -> None:
    sea = Sea(memory, clock)
    await sea.passes(150)
    async with sea.sailing():
        await sea.passes(400)
    await check(sea, memory, 7)
    assert await memory.read(store.lagging) == []
    assert {one.instrument for one in sea.voice.ticks} == set(NAMES)


async def test_a_minute_is_said_within_seconds_of_its_end(
    memory: Database, clock: FakeClock
) -> None:
    sea = Sea(memory, clock)
    async with sea.sailing():
        await sea.passes(300, step=0.5)
    late: dict[str, list[int]] = {SPOT: [], PERPETUAL: []}
    for one in sea.voice.said:
        if one.resolution == "1m":
            late[one.instrument].append(one.candle.published_ms - one.candle.open_ms - MINUTE_MS)
    assert max(late[SPOT]) <= 1_500  # the frame that closes it
    assert max(late[PERPETUAL]) <= 4_000  # the list of bars, asked a moment later


async def test_who_comes_back_after_an_outage_misses_nothing(
    memory: Database, clock: FakeClock
) -> None:
    sea = Sea(memory, clock)
    async with sea.sailing():
        await sea.passes(200)
        sea.sockets.is_down = True
        sea.sockets.cut()
        sea.exchange.faults.script(Fault("503_window", 600), path="/candlesticks")
        await sea.passes(150)
        lagging = await memory.read(store.lagging)
        during = await memory.read(service.lag_of, SPOT)
        await sea.passes(500)
        sea.sockets.is_down = False
        await sea.passes(300)
    assert {one.instrument for one in lagging} == set(NAMES)
    assert during == "its minutes are late"
    assert await memory.read(store.lagging) == []
    told = [event for event in await memory.read(events.latest, 50) if "reason" in event["body"]]
    reasons = Counter(event["body"]["reason"] for event in told)
    assert reasons["its minutes are late"] == len(NAMES)
    await check(sea, memory, 15)
    gaps = [c for c in await stored(memory, SPOT, "1m") if c.gap_filled]
    assert gaps
    assert all(c.published_ms == c.open_ms + MINUTE_MS for c in gaps)


async def test_events_that_come_late_pause_entries_until_they_do_not(
    memory: Database, clock: FakeClock
) -> None:
    sea = Sea(memory, clock)
    async with sea.sailing():
        await sea.passes(100)
        sea.sockets.slow_ms = 8_000
        await sea.passes(120)
        reason = await memory.read(service.lag_of, PERPETUAL)
        sea.sockets.slow_ms = 0
        await sea.passes(60)
        after = await memory.read(service.lag_of, PERPETUAL)
    assert reason is not None
    assert "clock" in reason
    assert after is None


async def test_what_nobody_wants_any_more_is_left(memory: Database, clock: FakeClock) -> None:
    sea = Sea(memory, clock)
    async with sea.sailing() as feeder:
        await sea.passes(30)
        both = feeder.upstream.carried
        sea.wanted = {SPOT}
        await sea.passes(30)
        one = feeder.upstream.carried
        sea.wanted = set(NAMES)
        await sea.passes(200)
    assert (both, one, feeder.upstream.carried) == (2, 1, 2)
    await check(sea, memory, 4)


async def test_a_feed_that_fell_silent_is_read_from_the_list(
    memory: Database, clock: FakeClock
) -> None:
    sea = Sea(memory, clock)
    async with sea.sailing():
        await sea.passes(100)
        sea.sockets.silent = True
        await sea.passes(400)
    assert sea.sockets.lost > 10
    await check(sea, memory, 7)


@pytest.mark.parametrize(
    ("seed", "minutes"),
    [
        (1, 90),
        (2, 90),
        pytest.param(3, SOAK_MINUTES, marks=[pytest.mark.long, pytest.mark.timeout(0)]),
    ],
)
async def test_a_long_storm_changes_no_candle(
    memory: Database, clock: FakeClock, seed: int, minutes: int
) -> None:
    """Drops, reorders, doubles, silences, broken sockets, and ten minutes without anything."""
    sea = Sea(memory, clock, STORM, seed)
    async with sea.sailing():
        for minute in range(minutes):
            await storm(sea, minute, outage=minutes // 2)
        sea.sockets.is_down = sea.sockets.silent = False
        await sea.passes(90, step=5)
    await check(sea, memory, minutes - 1)
    assert sea.sockets.lost > minutes
    assert await memory.read(store.lagging) == []


async def storm(sea: Sea, minute: int, outage: int) -> None:
    sea.sockets.silent = minute % 29 in (7, 8)
    if minute % 13 == 5:
        sea.sockets.cut()
    if minute == outage:
        sea.sockets.is_down = True
        sea.sockets.cut()
        sea.exchange.faults.script(Fault("503_window", 600), path="/candlesticks")
    if minute == outage + 10:
        sea.sockets.is_down = False
    await sea.passes(60, step=5)
