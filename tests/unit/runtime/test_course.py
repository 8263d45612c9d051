import pytest

from strategy_runtime.engine.course import Course, course_from
from strategy_runtime.wire.messages import Welcome
from tests.candles import START_MS, candle
from tests.unit.runtime.drive import engine

MINUTE = 60_000
COUNTS = """
def on_candle(self, candle):
    self.state["n"] = self.state.get("n", 0) + 1
"""


def course(last: str | None, start: str | None) -> Course:
    welcome = Welcome(run="r", active_from=start, last_trigger=last)
    return course_from(welcome, engine(COUNTS), "1m")


def trigger(number: int) -> str:
    return f"1m:{START_MS + number * MINUTE}"


def decided(course: Course, count: int) -> list[int]:
    return [number for number in range(count) if course.take(candle(number)) is not None]


def test_a_fresh_deployment_decides_from_its_start() -> None:
    assert decided(course(None, trigger(3)), 6) == [3, 4, 5]


def test_what_is_committed_is_warmed_and_the_rest_decided_in_order() -> None:
    assert decided(course(trigger(2), trigger(0)), 6) == [3, 4, 5]


def test_candles_before_a_later_start_are_only_observed() -> None:
    assert decided(course(trigger(1), trigger(4)), 6) == [4, 5]


def test_the_candle_of_a_committed_tick_is_still_decided() -> None:
    assert decided(course(f"tick:{START_MS + 2 * MINUTE}", trigger(0)), 5) == [2, 3, 4]


def test_a_candle_is_taken_once() -> None:
    made = course(None, trigger(0))

    assert made.take(candle(0)) is not None
    assert made.take(candle(0)) is None
    assert made.take(candle(1)) is not None
    assert made.take(candle(0)) is None


def test_a_candle_that_is_not_wanted_is_skipped() -> None:
    decision = course(None, trigger(0)).take(candle(0), wanted=False)

    assert decision is not None
    assert decision.outcome == "skipped"


@pytest.mark.parametrize(
    ("last", "start", "seen", "number", "follows"),
    [
        (None, trigger(0), None, 0, True),
        (None, trigger(0), None, 1, False),
        (trigger(3), trigger(0), None, 4, True),
        (trigger(3), trigger(0), None, 5, False),
        (None, trigger(0), 4, 5, True),
        (None, trigger(0), 4, 6, False),
        (None, trigger(0), 4, 3, True),
    ],
)
def test_a_gap_is_noticed(
    last: str | None, start: str, seen: int | None, number: int, follows: bool
) -> None:
    made = course(last, start)
    if seen is not None:
        made.take(candle(seen))

    assert made.follows(candle(number)) is follows
