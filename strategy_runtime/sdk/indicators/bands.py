"""Extremes, spread and channels of the last candles."""

from math import sqrt
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

from strategy_runtime.sdk.indicators.base import (
    Indicator,
    Line,
    Several,
    Source,
    checked,
    factor,
    source,
)
from strategy_runtime.sdk.windows import Moments, Window, higher, lower
from strategy_runtime.wire.messages import Candle

if TYPE_CHECKING:
    from strategy_runtime.sdk.bars import Bars, Column

INFINITY = float("inf")


class _Extreme(Indicator):
    side: Literal["highest", "lowest"]

    def __init__(self, period: int, of: Source) -> None:
        self.period = checked(period, self.name)
        self.name = f"{self.name}({period}, {of})"
        self._of = source(of)
        self._source = attrgetter(of)
        self._window = window_of(period, self.side)
        self.windows = (self._window,)

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        return (extreme(bars, self._of, self.period, self.side),)

    def _next(self, candle: Candle, index: int) -> float:
        return self._window.push(index, self._source(candle))


class RollingMax(_Extreme):
    name = "rolling_max"
    side = "highest"

    def __init__(self, period: int, of: Source = "high") -> None:
        super().__init__(period, of)


class RollingMin(_Extreme):
    name = "rolling_min"
    side = "lowest"

    def __init__(self, period: int, of: Source = "low") -> None:
        super().__init__(period, of)


class RollingStd(Indicator):
    """Standard deviation of the population, as TA-Lib's."""

    name = "rolling_std"

    def __init__(self, period: int, of: Source = "close") -> None:
        self.period = checked(period, self.name)
        self.name = f"rolling_std({period}, {of})"
        self._of = source(of)
        self._source = attrgetter(of)
        self._window = Moments(period)
        self.windows = (self._window,)

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        import numpy as np  # as everywhere here: an idle strategy must not pay for it

        from strategy_runtime.sdk import passes

        n = self.period
        return (np.sqrt(passes.rolling(bars.column(self._of), bars.seq, n, passes.variance(n))),)

    def _next(self, candle: Candle, index: int) -> float:
        return sqrt(self._window.push(index, self._source(candle)))


class Bollinger(Several):
    """The average is its main line; `upper` and `lower` are `deviations` away from it."""

    name = "bollinger"
    upper: Line
    lower: Line

    def __init__(self, period: int, deviations: float = 2.0, of: Source = "close") -> None:
        self.period = checked(period, self.name)
        self.deviations = factor(deviations, self.name)
        self.name = f"bollinger({period}, {deviations:g}, {of})"
        self._of = source(of)
        self._source = attrgetter(of)
        self._window = Moments(period)
        self.windows = (self._window,)
        self._also("upper", "lower")

    @property
    def middle(self) -> Line:
        return self

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        import numpy as np

        from strategy_runtime.sdk import passes

        n, values, seq = self.period, bars.column(self._of), bars.seq
        middle = passes.rolling(values, seq, n, passes.mean(n))
        spread = passes.rolling(values, seq, n, passes.variance(n))
        away = self.deviations * np.sqrt(spread)
        return middle, middle + away, middle - away

    def _all(self, candle: Candle, index: int) -> tuple[float, ...]:
        spread = self._window.push(index, self._source(candle))
        middle = self._window.mean
        away = self.deviations * sqrt(spread)
        return middle, middle + away, middle - away


class Donchian(Several):
    """The channel of the last highs and lows; the main line is its middle."""

    name = "donchian"
    upper: Line
    lower: Line

    def __init__(self, period: int) -> None:
        self.period = checked(period, self.name)
        self.name = f"donchian({period})"
        self._highs = window_of(period, "highest")
        self._lows = window_of(period, "lowest")
        self.windows = (self._highs, self._lows)
        self._also("upper", "lower")

    @property
    def middle(self) -> Line:
        return self

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        upper = extreme(bars, "high", self.period, "highest")
        lower = extreme(bars, "low", self.period, "lowest")
        return (upper + lower) / 2, upper, lower

    def _all(self, candle: Candle, index: int) -> tuple[float, ...]:
        upper = self._highs.push(index, candle.high)
        lower = self._lows.push(index, candle.low)
        return (upper + lower) / 2, upper, lower


def window_of(period: int, side: Literal["highest", "lowest"]) -> Window:
    return Window(period, *((higher, -INFINITY) if side == "highest" else (lower, INFINITY)))


def extreme(bars: "Bars", of: str, period: int, side: Literal["highest", "lowest"]) -> "Column":
    from strategy_runtime.sdk import passes

    kernel, filler = (passes.highest, -INFINITY) if side == "highest" else (passes.lowest, INFINITY)
    return passes.rolling(bars.column(of), bars.seq, period, kernel(period), filler)
