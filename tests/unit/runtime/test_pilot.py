from decimal import Decimal

import pytest
from msgspec import Raw

from strategy_runtime import wire
from strategy_runtime.engine.engine import Engine
from strategy_runtime.feeds.outbox import Outbox
from strategy_runtime.feeds.pilot import Pilot
from strategy_runtime.feeds.timing import Machine, timing
from strategy_runtime.wire.messages import (
    Control,
    Execution,
    Position,
    Tick,
    Welcome,
    decode_up,
)
from tests.candles import START_MS, candle
from tests.unit.runtime.drive import engine, strategy

MINUTE = 60_000
KIND = strategy("""
def on_candle(self, candle):
    self.state["n"] = self.state.get("n", 0) + 1
    self.log("hm")
    return self.long() if candle.close > 100 else None

def on_tick(self, tick):
    return self.exit_long()
""")


async def _sleep(seconds: float) -> None: ...


class Ship:
    """A pilot with everything around it, on a clock that stands at a known moment."""

    def __init__(self) -> None:
        machine = Machine(lambda: START_MS + 12 * MINUTE, lambda: 0, lambda: 1.0, _sleep)
        self.built: list[bytes] = []
        self.outbox = Outbox("r", timing(1.0), machine.chance)
        self.outbox.open = True
        self.pilot = Pilot("r", "1m", self.build, self.outbox, machine)

    def build(self, state: bytes, position: Position) -> Engine:
        self.built.append(state)
        return engine(KIND, state=state, position=position)

    def executions(self) -> list[Execution]:
        sent = []
        while (frame := self.outbox.take(0.0)) is not None:
            message = decode_up(frame)
            if isinstance(message, Execution):
                sent.append(message)
        return sent


def trigger(number: int) -> str:
    return f"1m:{START_MS + number * MINUTE}"


def welcome(start: int | None = 0, last: str | None = None, **more: object) -> Welcome:
    active = None if start is None else trigger(start)
    return Welcome("r", active, last, **more)  # type: ignore[arg-type]


def test_before_a_welcome_it_is_warming() -> None:
    assert Ship().pilot.phase == "warming"


def test_frames_are_numbered_and_carry_their_ages() -> None:
    ship = Ship()
    ship.pilot.welcome(welcome())
    for number in (0, 1):
        ship.pilot.take(candle(number))
    first, second = ship.executions()

    assert (first.n, second.n) == (1, 2)
    assert first.decided_ms == START_MS + 12 * MINUTE
    assert first.published_ms == 0
    assert ship.pilot.last_trigger == trigger(1)


def test_the_same_welcome_again_builds_nothing_anew() -> None:
    ship = Ship()
    ship.pilot.welcome(welcome())
    ship.pilot.take(candle(0))

    assert ship.pilot.welcome(welcome(last=trigger(0))) is False
    assert ship.pilot.welcome(welcome(last=None)) is False
    assert len(ship.built) == 1


def test_a_welcome_that_is_ahead_of_us_counts_more_than_what_we_know() -> None:
    ship = Ship()
    ship.pilot.welcome(welcome())
    ship.pilot.take(candle(0))

    assert ship.pilot.welcome(welcome(last=trigger(3), state=Raw(b'{"n":9}'))) is True
    assert ship.built == [b"{}", b'{"n":9}']


def test_being_activated_starts_from_what_the_welcome_says() -> None:
    ship = Ship()
    ship.pilot.welcome(welcome(None))
    ship.pilot.take(candle(0))
    assert ship.executions() == []

    assert ship.pilot.welcome(welcome(1, trigger(0), state=Raw(b'{"n":5}'))) is True
    ship.pilot.take(candle(0))
    ship.pilot.take(candle(1))
    (execution,) = ship.executions()
    assert (execution.trigger, execution.state) == (trigger(1), Raw(b'{"n":6}'))


def test_once_relieved_it_follows_the_market_no_more() -> None:
    ship = Ship()
    ship.pilot.welcome(welcome())
    followed = ship.pilot.follows_market
    ship.pilot.welcome(welcome(None))

    assert (followed, ship.pilot.follows_market) == (True, False)
    assert ship.pilot.phase == "warming"


def test_relieved_and_called_back_it_decides_nothing_twice() -> None:
    ship = Ship()
    ship.pilot.welcome(welcome())
    ship.pilot.take(candle(0))
    ship.pilot.welcome(welcome(None))
    ship.pilot.welcome(welcome(0))
    ship.pilot.take(candle(0))
    ship.pilot.take(candle(1))

    assert [execution.trigger for execution in ship.executions()] == [trigger(0), trigger(1)]


def test_paused_it_skips() -> None:
    ship = Ship()
    ship.pilot.welcome(welcome(phase="paused"))
    ship.pilot.take(candle(0, 101.0))
    ship.pilot.control(Control("resume"))
    ship.pilot.take(candle(1, 101.0))

    assert [execution.outcome for execution in ship.executions()] == ["skipped", "signal"]


def test_a_full_outbox_is_lagging_until_half_of_it_is_gone() -> None:
    ship = Ship()
    ship.pilot.welcome(welcome())
    for number in range(wire.MAX_UNACKNOWLEDGED):
        assert ship.pilot.has_room()
        ship.pilot.take(candle(number))
    phases = [ship.pilot.phase]
    for numbers in (range(1, 400), range(400, 502)):
        ship.outbox.acknowledge(numbers)
        phases.append(ship.pilot.phase)

    assert phases == ["lagging", "lagging", "running"]


@pytest.mark.parametrize("do", ["drain", "stop"])
def test_told_to_end_it_drains(do: str) -> None:
    ship = Ship()
    ship.pilot.welcome(welcome())
    ship.pilot.control(Control(do))  # type: ignore[arg-type]

    assert ship.pilot.phase == "draining"


def tick(at_ms: int) -> Tick:
    return Tick(START_MS + at_ms, Decimal(100), Decimal(1))


def test_a_tick_of_the_open_candle_may_decide() -> None:
    ship = Ship()
    held = Position(side="LONG", entry_price=90.0, exit_due="LONG")
    ship.pilot.welcome(welcome(position=held))
    ship.pilot.take(candle(0))
    ship.pilot.take_tick(tick(MINUTE - 1))  # late: its candle is closed
    ship.pilot.take_tick(tick(MINUTE + 1))
    said = ship.executions()

    assert [execution.trigger for execution in said] == [trigger(0), f"tick:{START_MS + MINUTE}"]


def test_a_committed_tick_is_not_decided_again() -> None:
    ship = Ship()
    held = Position(side="LONG", entry_price=90.0, exit_due="LONG")
    ship.pilot.welcome(welcome(0, f"tick:{START_MS + MINUTE}", position=held))
    ship.pilot.take(candle(0))
    ship.pilot.take_tick(tick(MINUTE + 1))
    ship.pilot.take(candle(1))

    assert [execution.trigger for execution in ship.executions()] == [trigger(1)]
