"""Indicators, declared once and updated in O(1) a candle.

Each is a fold over candles and a pure function of them, so a backtest may compute the same values
in one pass over columns. Before there are enough candles a value is NaN, and every comparison with
it is false: a strategy needs no check of its own. Conventions are TA-Lib's: an average is seeded
with the plain mean of its first period, RSI and ATR use Wilder's smoothing.
"""

from math import nan
from operator import attrgetter
from typing import Literal

from strategy_runtime.sdk.errors import DeclarationError
from strategy_runtime.sdk.windows import Fold, Window, add, higher, lower
from strategy_runtime.wire.messages import Candle

Source = Literal["open", "high", "low", "close", "volume"]
SOURCES = ("open", "high", "low", "close", "volume")


class Indicator:
    """A number that follows the candles; compares and calculates like one."""

    name = "indicator"
    value: float = nan
    previous: float = nan

    def update(self, candle: Candle, index: int) -> None:
        """Take the next candle. `index` counts candles and does not depend on the process."""
        self.previous = self.value
        self.value = self._next(candle, index)

    def realign(self, index: int) -> None:
        """The next candle will not be the one that was expected: there is a gap before `index`."""

    def _next(self, candle: Candle, index: int) -> float:
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        return self.value == self.value

    def crossed_above(self, other: "Indicator | float") -> bool:
        """At or below `other` one candle ago, above it now."""
        before, now = _two(other)
        return self.previous <= before and self.value > now

    def crossed_below(self, other: "Indicator | float") -> bool:
        """At or above `other` one candle ago, below it now."""
        before, now = _two(other)
        return self.previous >= before and self.value < now

    def __float__(self) -> float:
        return self.value

    def __lt__(self, other: "Indicator | float") -> bool:
        return self.value < float(other)

    def __le__(self, other: "Indicator | float") -> bool:
        return self.value <= float(other)

    def __gt__(self, other: "Indicator | float") -> bool:
        return self.value > float(other)

    def __ge__(self, other: "Indicator | float") -> bool:
        return self.value >= float(other)

    def __add__(self, other: "Indicator | float") -> float:
        return self.value + float(other)

    def __radd__(self, other: float) -> float:
        return other + self.value

    def __sub__(self, other: "Indicator | float") -> float:
        return self.value - float(other)

    def __rsub__(self, other: float) -> float:
        return other - self.value

    def __mul__(self, other: "Indicator | float") -> float:
        return self.value * float(other)

    def __rmul__(self, other: float) -> float:
        return other * self.value

    def __truediv__(self, other: "Indicator | float") -> float:
        return self.value / float(other)

    def __repr__(self) -> str:
        return f"{self.name}={self.value:.10g}"


class _OverWindow(Indicator):
    """What depends on exactly the last `period` values of one column."""

    fold: Fold
    start: float

    def __init__(self, period: int, of: Source) -> None:
        self.period = checked(period, self.name)
        self.name = f"{self.name}({period}, {of})"
        self._source = attrgetter(source(of))
        self._window = Window(period, self.fold, self.start)

    def _next(self, candle: Candle, index: int) -> float:
        return self._window.push(index, self._source(candle))

    def realign(self, index: int) -> None:
        self._window.realign(index)


class Sma(_OverWindow):
    """Simple moving average."""

    name = "sma"
    fold = staticmethod(add)
    start = 0.0

    def _next(self, candle: Candle, index: int) -> float:
        return self._window.push(index, self._source(candle)) / self.period


class RollingMax(_OverWindow):
    name = "rolling_max"
    fold = staticmethod(higher)
    start = float("-inf")


class RollingMin(_OverWindow):
    name = "rolling_min"
    fold = staticmethod(lower)
    start = float("inf")


class Ema(Indicator):
    """Exponential moving average, seeded with the mean of its first period."""

    name = "ema"

    def __init__(self, period: int, of: Source) -> None:
        self.period = checked(period, self.name)
        self.name = f"ema({period}, {of})"
        self._source = attrgetter(source(of))
        self._weight = 2.0 / (period + 1)
        self._average = Smoothed(period, self._weight)

    def _next(self, candle: Candle, index: int) -> float:
        return self._average.push(self._source(candle))


class Rsi(Indicator):
    """Wilder's relative strength index; 50 where nothing moves."""

    name = "rsi"

    def __init__(self, period: int, of: Source) -> None:
        self.period = checked(period, self.name)
        self.name = f"rsi({period}, {of})"
        self._source = attrgetter(source(of))
        self._last = nan
        self._gain = Smoothed(period, 1.0 / period)
        self._loss = Smoothed(period, 1.0 / period)

    def _next(self, candle: Candle, index: int) -> float:
        value: float = self._source(candle)
        change = value - self._last
        self._last = value
        if change != change:
            return nan

        gain = self._gain.push(change if change > 0.0 else 0.0)
        loss = self._loss.push(-change if change < 0.0 else 0.0)
        moved = gain + loss
        return 50.0 if moved == 0.0 else 100.0 * (gain / moved)


class Atr(Indicator):
    """Wilder's average true range."""

    name = "atr"

    def __init__(self, period: int) -> None:
        self.period = checked(period, self.name)
        self.name = f"atr({period})"
        self._close = nan
        self._range = Smoothed(period, 1.0 / period)

    def _next(self, candle: Candle, index: int) -> float:
        before = self._close
        self._close = candle.close
        if before != before:
            return nan

        high = candle.high if candle.high > before else before
        low = candle.low if candle.low < before else before
        return self._range.push(high - low)


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


def checked(period: object, name: str) -> int:
    if not isinstance(period, int) or isinstance(period, bool) or not 1 <= period <= 10_000:
        raise DeclarationError(f"{name}: the period {period!r} must be a whole number 1 to 10000")
    return period


def source(of: str) -> str:
    if of not in SOURCES:
        raise DeclarationError(f"there is no column {of!r}; use one of {', '.join(SOURCES)}")
    return of


def _two(other: Indicator | float) -> tuple[float, float]:
    """What it was one candle ago and what it is now; a plain number is a level that stands."""
    if isinstance(other, Indicator):
        return other.previous, other.value
    level = float(other)
    return level, level
