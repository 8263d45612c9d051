"""What every declared indicator is: a number that follows the candles.

One definition has two ways to its values. `update` takes the next candle in O(1); `columns` makes
all of them in one pass over recorded bars. Both do the same operations in the same order, so a
backtest sees bit for bit what a live container does.
"""

from math import nan
from typing import TYPE_CHECKING, Literal, TypeVar

from strategy_runtime.sdk.errors import DeclarationError
from strategy_runtime.sdk.windows import Blocks
from strategy_runtime.wire.messages import Candle

if TYPE_CHECKING:
    from strategy_runtime.sdk.bars import Bars, Column

Source = Literal["open", "high", "low", "close", "volume"]
SOURCES = ("open", "high", "low", "close", "volume")
MAX_PERIOD = 10_000

N = TypeVar("N", int, float)


class Line:
    """Compares and calculates like a number; knows what it was one candle ago."""

    name = "line"
    value: float = nan
    previous: float = nan

    @property
    def ready(self) -> bool:
        return self.value == self.value

    def crossed_above(self, other: "Line | float") -> bool:
        """At or below `other` one candle ago, above it now."""
        if type(other) is float or type(other) is int:
            return self.value > other and self.previous <= other
        try:
            return self.value > other.value and self.previous <= other.previous  # type: ignore[union-attr]
        except AttributeError:  # a number of NumPy's, say: asking first would cost every candle
            level = float(other)
            return self.value > level and self.previous <= level

    def crossed_below(self, other: "Line | float") -> bool:
        """At or above `other` one candle ago, below it now."""
        if type(other) is float or type(other) is int:
            return self.value < other and self.previous >= other
        try:
            return self.value < other.value and self.previous >= other.previous  # type: ignore[union-attr]
        except AttributeError:
            level = float(other)
            return self.value < level and self.previous >= level

    def __float__(self) -> float:
        return self.value

    def __lt__(self, other: "Line | float") -> bool:
        return self.value < float(other)

    def __le__(self, other: "Line | float") -> bool:
        return self.value <= float(other)

    def __gt__(self, other: "Line | float") -> bool:
        return self.value > float(other)

    def __ge__(self, other: "Line | float") -> bool:
        return self.value >= float(other)

    def __add__(self, other: "Line | float") -> float:
        return self.value + float(other)

    def __radd__(self, other: float) -> float:
        return other + self.value

    def __sub__(self, other: "Line | float") -> float:
        return self.value - float(other)

    def __rsub__(self, other: float) -> float:
        return other - self.value

    def __mul__(self, other: "Line | float") -> float:
        return self.value * float(other)

    def __rmul__(self, other: float) -> float:
        return other * self.value

    def __truediv__(self, other: "Line | float") -> float:
        return self.value / float(other)

    def __rtruediv__(self, other: float) -> float:
        return other / self.value

    def __neg__(self) -> float:
        return -self.value

    def __repr__(self) -> str:
        return f"{self.name}={self.value:.10g}"


class Indicator(Line):
    """A line that candles move. Some have further lines beside it: all of them are in `lines`."""

    windows: tuple[Blocks, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        return (self,)

    def update(self, candle: Candle, index: int) -> None:
        """Take the next candle. `index` counts candles and does not depend on the process."""
        self.previous = self.value
        self.value = self._next(candle, index)

    def realign(self, index: int) -> None:
        """The next candle will not be the one that was expected: there is a gap before `index`."""
        for window in self.windows:
            window.realign(index)

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        """The values of each line at each bar, as `update` would have made them."""
        raise NotImplementedError

    def _next(self, candle: Candle, index: int) -> float:
        raise NotImplementedError


class Several(Indicator):
    """An indicator of several lines, the main one first."""

    def _also(self, *names: str) -> None:
        """Make the further lines; attributes of these names hold them."""
        further = [Line() for _ in names]
        for line, name in zip(further, names, strict=True):
            line.name = f"{self.name}.{name}"
            setattr(self, name, line)
        self._lines: tuple[Line, ...] = (self, *further)

    @property
    def lines(self) -> tuple[Line, ...]:
        return self._lines

    def update(self, candle: Candle, index: int) -> None:
        for line, value in zip(self._lines, self._all(candle, index), strict=True):
            line.previous = line.value
            line.value = value

    def _all(self, candle: Candle, index: int) -> tuple[float, ...]:
        raise NotImplementedError


def checked(period: object, name: str) -> int:
    if not isinstance(period, int) or isinstance(period, bool) or not 1 <= period <= MAX_PERIOD:
        raise DeclarationError(
            f"{name}: the period {period!r} must be a whole number 1 to {MAX_PERIOD}"
        )
    return period


def factor(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise DeclarationError(f"{name}: the factor {value!r} must be a number above zero")
    return float(value)


def source(of: str) -> str:
    if of not in SOURCES:
        raise DeclarationError(f"there is no column {of!r}; use one of {', '.join(SOURCES)}")
    return of
