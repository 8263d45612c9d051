"""How fast and in which direction: RSI, MACD, stochastic, ADX."""

from collections.abc import Callable
from math import nan
from operator import attrgetter
from typing import TYPE_CHECKING

from strategy_runtime.sdk.errors import DeclarationError
from strategy_runtime.sdk.indicators.averages import column, exponential, wilder
from strategy_runtime.sdk.indicators.bands import extreme, window_of
from strategy_runtime.sdk.indicators.base import Indicator, Line, Several, Source, checked, source
from strategy_runtime.sdk.windows import Window, add
from strategy_runtime.wire.messages import Candle

if TYPE_CHECKING:
    from strategy_runtime.sdk.bars import Bars, Column

# What TA-Lib counts as nothing.
NOTHING = 1e-14

Directions = Callable[[float, float, float], tuple[float, float, float]]


class Rsi(Indicator):
    """Wilder's relative strength index; 0 as long as nothing has ever moved."""

    name = "rsi"

    def __init__(self, period: int = 14, of: Source = "close") -> None:
        self.period = checked(period, self.name)
        self.name = f"rsi({period}, {of})"
        self._of = source(of)
        self._source = attrgetter(of)
        self._last = nan
        self._gain = wilder(period)
        self._loss = wilder(period)

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        import numpy as np

        change = np.diff(bars.column(self._of))
        gain = column(wilder(self.period).run(np.where(change > 0, change, 0.0).tolist()), 1)
        loss = column(wilder(self.period).run(np.where(change < 0, -change, 0.0).tolist()), 1)
        moved = gain + loss
        with np.errstate(invalid="ignore", divide="ignore"):
            share = 100.0 * (gain / moved)
        return (np.where(moved < NOTHING, 0.0, share)[: len(bars)],)

    def _next(self, candle: Candle, index: int) -> float:
        value: float = self._source(candle)
        change = value - self._last
        self._last = value
        if change != change:
            return nan

        gain = self._gain.push(change if change > 0.0 else 0.0)
        loss = self._loss.push(-change if change < 0.0 else 0.0)
        moved = gain + loss
        return 0.0 if moved < NOTHING else 100.0 * (gain / moved)


class Macd(Several):
    """The difference of two averages; `signal` is its average, `histogram` what lies between.

    As in TA-Lib the fast average starts so late that both end their first mean together, and
    nothing is told before the signal is there.
    """

    name = "macd"
    signal: Line
    histogram: Line

    def __init__(
        self, fast: int = 12, slow: int = 26, signal: int = 9, of: Source = "close"
    ) -> None:
        self.fast, self.slow = checked(fast, self.name), checked(slow, self.name)
        self.smoothing = checked(signal, self.name)
        if fast >= slow:
            raise DeclarationError(f"macd: fast ({fast}) must be below slow ({slow})")
        self.name = f"macd({fast}, {slow}, {signal}, {of})"
        self._of = source(of)
        self._source = attrgetter(of)
        self._fast, self._slow = exponential(fast), exponential(slow)
        self._signal = exponential(signal)
        self._waits = slow - fast
        self._also("signal", "histogram")

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        import numpy as np

        values = bars.column(self._of).tolist()
        waits = min(self.slow - self.fast, len(bars))
        fast = column(exponential(self.fast).run(values[waits:]), waits)
        slow = column(exponential(self.slow).run(values))
        line = fast - slow
        skipped = min(self.slow - 1, len(bars))
        signal = column(exponential(self.smoothing).run(line[skipped:].tolist()), skipped)
        line = np.where(np.isnan(signal), np.nan, line)
        return line, signal, line - signal

    def _all(self, candle: Candle, index: int) -> tuple[float, ...]:
        value: float = self._source(candle)
        slow = self._slow.push(value)
        if self._waits:
            self._waits -= 1
            return nan, nan, nan
        line = self._fast.push(value) - slow
        signal = nan if line != line else self._signal.push(line)
        return (nan, nan, nan) if signal != signal else (line, signal, line - signal)


class Stochastic(Several):
    """Where the close lies between the lowest low and the highest high, 0 to 100.

    The main line is %K over `period`, smoothed over `smoothing`; `d` is its average over `signal`.
    """

    name = "stochastic"
    d: Line

    def __init__(self, period: int = 14, smoothing: int = 3, signal: int = 3) -> None:
        self.period = checked(period, self.name)
        self.smoothing, self.average = checked(smoothing, self.name), checked(signal, self.name)
        self.name = f"stochastic({period}, {smoothing}, {signal})"
        self._highs, self._lows = window_of(period, "highest"), window_of(period, "lowest")
        self._slow, self._d = Window(smoothing, add, 0.0), Window(signal, add, 0.0)
        self.windows = (self._highs, self._lows, self._slow, self._d)
        self._also("d")

    @property
    def k(self) -> Line:
        return self

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        import numpy as np

        from strategy_runtime.sdk import passes

        top = extreme(bars, "high", self.period, "highest")
        bottom = extreme(bars, "low", self.period, "lowest")
        span = (top - bottom) / 100.0
        with np.errstate(invalid="ignore", divide="ignore"):
            fast = np.where(span == 0.0, 0.0, (bars.close - bottom) / span)

        def mean(size: int) -> Callable[..., "Column"]:
            return lambda values, seq: passes.rolling(values, seq, size, passes.total(size)) / size

        k = passes.later(fast, bars.seq, mean(self.smoothing))
        d = passes.later(k, bars.seq, mean(self.average))
        return np.where(np.isnan(d), np.nan, k), d

    def _all(self, candle: Candle, index: int) -> tuple[float, ...]:
        top, bottom = self._highs.push(index, candle.high), self._lows.push(index, candle.low)
        span = (top - bottom) / 100.0
        if span != span:
            return nan, nan
        fast = 0.0 if span == 0.0 else (candle.close - bottom) / span
        k = self._slow.push(index, fast) / self.smoothing
        d = nan if k != k else self._d.push(index, k) / self.average
        return (nan, nan) if d != d else (k, d)


class Adx(Several):
    """How strong a trend is, 0 to 100, whichever its direction; Wilder's smoothing throughout.

    `plus` and `minus` are the directional indicators, ready `period` candles before it.
    """

    name = "adx"
    plus: Line
    minus: Line

    def __init__(self, period: int = 14) -> None:
        self.period = checked(period, self.name)
        if period < 2:
            raise DeclarationError("adx: the period must be at least 2")
        self.name = f"adx({period})"
        self._step = directions(period)
        self._also("plus", "minus")

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        import numpy as np

        step = directions(self.period)
        rows = [
            step(*row)
            for row in zip(bars.high.tolist(), bars.low.tolist(), bars.close.tolist(), strict=True)
        ]
        table = np.array(rows, dtype=np.float64).reshape(len(rows), 3)
        return tuple(np.ascontiguousarray(table[:, place]) for place in range(3))

    def _all(self, candle: Candle, index: int) -> tuple[float, ...]:
        return self._step(candle.high, candle.low, candle.close)


def directions(period: int) -> Directions:
    """A function from one candle to the next: ADX and both directional indicators, as TA-Lib's."""
    count = 0
    last_high = last_low = last_close = nan
    up = down = spans = 0.0
    index = total = 0.0

    def step(high: float, low: float, close: float) -> tuple[float, float, float]:
        nonlocal count, last_high, last_low, last_close, up, down, spans, index, total
        rise, fall = high - last_high, last_low - low
        span = max(high, last_close) - min(low, last_close)
        last_high, last_low, last_close = high, low, close
        count += 1
        if count == 1:
            return nan, nan, nan
        if count > period:
            up -= up / period
            down -= down / period
            spans -= spans / period
        spans += span
        if fall > 0.0 and rise < fall:
            down += fall
        elif rise > 0.0 and rise > fall:
            up += rise
        if count <= period:
            return nan, nan, nan

        plus = 100.0 * (up / spans) if spans > NOTHING else 0.0
        minus = 100.0 * (down / spans) if spans > NOTHING else 0.0
        both = plus + minus
        if count <= 2 * period:
            total += 100.0 * (abs(minus - plus) / both) if both > NOTHING else 0.0
            if count < 2 * period:
                return nan, plus, minus
            index = total / period
        elif both > NOTHING:
            index = (index * (period - 1) + 100.0 * (abs(minus - plus) / both)) / period
        return index, plus, minus

    return step
