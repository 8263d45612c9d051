"""Averages: plain, weighted, exponential; and the running average that others are made of."""

from collections.abc import Iterable
from math import nan
from operator import attrgetter
from typing import TYPE_CHECKING

from strategy_runtime.sdk.indicators.base import Indicator, Source, checked, source
from strategy_runtime.sdk.windows import Weighted, Window, add
from strategy_runtime.wire.messages import Candle

if TYPE_CHECKING:
    from strategy_runtime.sdk.bars import Bars, Column


class Smoothed:
    """A running average: the plain mean of the first `period` values, then weighted steps."""

    def __init__(self, period: int, weight: float) -> None:
        self._period = period
        self._weight = weight
        self._seen = 0
        self._value = 0.0

    def push(self, value: float) -> float:
        if self._seen >= self._period:
            self._value += self._weight * (value - self._value)
            return self._value

        self._seen += 1
        self._value += value
        if self._seen < self._period:
            return nan

        self._value /= self._period
        return self._value

    def run(self, values: list[float]) -> list[float]:
        """`push` for each of them, faster."""
        out = [self.push(value) for value in values[: self._period - self._seen]]
        now, weight = self._value, self._weight
        append = out.append
        for value in values[len(out) :]:
            now += weight * (value - now)
            append(now)
        self._value = now
        return out


def exponential(period: int) -> Smoothed:
    return Smoothed(period, 2.0 / (period + 1))


def wilder(period: int) -> Smoothed:
    return Smoothed(period, 1.0 / period)


def column(values: Iterable[float], skipped: int = 0) -> "Column":
    """A column that has nothing in its first `skipped` candles."""
    import numpy as np  # an idle strategy must not pay for it

    return np.array([nan] * skipped + list(values), dtype=np.float64)


class Sma(Indicator):
    """Simple moving average."""

    name = "sma"

    def __init__(self, period: int, of: Source = "close") -> None:
        self.period = checked(period, self.name)
        self.name = f"sma({period}, {of})"
        self._of = source(of)
        self._source = attrgetter(of)
        self._window = Window(period, add, 0.0)
        self.windows = (self._window,)

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        from strategy_runtime.sdk import passes

        n = self.period
        return (passes.rolling(bars.column(self._of), bars.seq, n, passes.total(n)) / n,)

    def _next(self, candle: Candle, index: int) -> float:
        return self._window.push(index, self._source(candle)) / self.period


class Wma(Indicator):
    """Weighted moving average: the newest counts `period` times, the oldest once."""

    name = "wma"

    def __init__(self, period: int, of: Source = "close") -> None:
        self.period = checked(period, self.name)
        self.name = f"wma({period}, {of})"
        self._of = source(of)
        self._source = attrgetter(of)
        self._window = Weighted(period)
        self._weights = period * (period + 1) / 2
        self.windows = (self._window,)

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        from strategy_runtime.sdk import passes

        n = self.period
        sums = passes.rolling(bars.column(self._of), bars.seq, n, passes.weighted(n))
        return (sums / self._weights,)

    def _next(self, candle: Candle, index: int) -> float:
        return self._window.push(index, self._source(candle)) / self._weights


class Ema(Indicator):
    """Exponential moving average, seeded with the mean of its first period."""

    name = "ema"

    def __init__(self, period: int, of: Source = "close") -> None:
        self.period = checked(period, self.name)
        self.name = f"ema({period}, {of})"
        self._of = source(of)
        self._source = attrgetter(of)
        self._average = exponential(period)

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        return (column(exponential(self.period).run(bars.column(self._of).tolist())),)

    def _next(self, candle: Candle, index: int) -> float:
        return self._average.push(self._source(candle))
