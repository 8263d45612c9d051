"""The feed of a backtest: recorded candles, as fast as the engine takes them."""

from collections.abc import Iterable, Iterator

from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Decision
from strategy_runtime.wire.messages import Candle


def replay(course: Course, candles: Iterable[Candle]) -> Iterator[Decision]:
    """Every decision that is due on these candles, in order."""
    for candle in candles:
        decision = course.take(candle)
        if decision is not None:
            yield decision
