"""Indicators that weigh prices by what was traded."""

from math import nan
from typing import TYPE_CHECKING

from strategy_runtime.sdk.indicators.averages import column
from strategy_runtime.sdk.indicators.base import Indicator, checked
from strategy_runtime.sdk.windows import Window, add
from strategy_runtime.wire.messages import Candle

if TYPE_CHECKING:
    from strategy_runtime.sdk.bars import Bars, Column

DAY_MS = 86_400_000


class Obv(Indicator):
    """On-balance volume, from the first candle that the strategy saw: only its changes mean
    anything.
    """

    name = "obv"

    def __init__(self) -> None:
        self._close = nan
        self._total = 0.0

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        import numpy as np

        signs = np.sign(np.diff(bars.close, prepend=bars.close[:1]))
        moves = signs * bars.volume
        moves[:1] = bars.volume[:1]
        return (np.add.accumulate(moves),)

    def _next(self, candle: Candle, index: int) -> float:
        before, self._close = self._close, candle.close
        if candle.close < before:
            self._total -= candle.volume
        elif candle.close > before or before != before:
            self._total += candle.volume
        return self._total


class DayVwap(Indicator):
    """The day's average price by volume, from midnight UTC.

    NaN until a midnight was seen, so that it does not depend on when the process started, and as
    long as a day has no volume.
    """

    name = "vwap"

    def __init__(self) -> None:
        self._day = -1
        self._began = False
        self._value = self._volume = 0.0

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        fresh = DayVwap()
        rows = zip(
            bars.open_ms.tolist(),
            bars.high.tolist(),
            bars.low.tolist(),
            bars.close.tolist(),
            bars.volume.tolist(),
            strict=True,
        )
        return (column(fresh.step(*row) for row in rows),)

    def step(self, open_ms: int, high: float, low: float, close: float, volume: float) -> float:
        day = open_ms // DAY_MS
        if day != self._day:
            self._began = self._day >= 0 or open_ms % DAY_MS == 0
            self._day = day
            self._value = self._volume = 0.0
        self._volume += volume
        self._value += (high + low + close) / 3.0 * volume
        return self._value / self._volume if self._began and self._volume > 0.0 else nan

    def _next(self, candle: Candle, index: int) -> float:
        return self.step(candle.open_ms, candle.high, candle.low, candle.close, candle.volume)


class Vwap(Indicator):
    """The average price by volume of the last `period` candles; NaN where nothing was traded."""

    name = "vwap"

    def __init__(self, period: int) -> None:
        self.period = checked(period, self.name)
        self.name = f"vwap({period})"
        self._value, self._volume = Window(period, add, 0.0), Window(period, add, 0.0)
        self.windows = (self._value, self._volume)

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        import numpy as np

        from strategy_runtime.sdk import passes

        n, seq = self.period, bars.seq
        typical = (bars.high + bars.low + bars.close) / 3.0
        value = passes.rolling(typical * bars.volume, seq, n, passes.total(n))
        volume = passes.rolling(bars.volume, seq, n, passes.total(n))
        with np.errstate(invalid="ignore", divide="ignore"):
            return (np.where(volume > 0.0, value / volume, np.nan),)

    def _next(self, candle: Candle, index: int) -> float:
        typical = (candle.high + candle.low + candle.close) / 3.0
        value = self._value.push(index, typical * candle.volume)
        volume = self._volume.push(index, candle.volume)
        return value / volume if volume > 0.0 else nan
