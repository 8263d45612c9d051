"""How far a market moves: ATR, and the supertrend that is made of it."""

from collections.abc import Callable
from math import nan
from typing import TYPE_CHECKING

from strategy_runtime.sdk.indicators.averages import column, wilder
from strategy_runtime.sdk.indicators.base import Indicator, Line, Several, checked, factor
from strategy_runtime.wire.messages import Candle

if TYPE_CHECKING:
    from strategy_runtime.sdk.bars import Bars, Column

Trend = Callable[[float, float, float], tuple[float, float]]


class Atr(Indicator):
    """Wilder's average true range."""

    name = "atr"

    def __init__(self, period: int = 14) -> None:
        self.period = checked(period, self.name)
        self.name = f"atr({period})"
        self._close = nan
        self._range = wilder(period)

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        import numpy as np

        before = bars.close[:-1]
        spans = np.maximum(bars.high[1:], before) - np.minimum(bars.low[1:], before)
        return (column(wilder(self.period).run(spans.tolist()), min(1, len(bars))),)

    def _next(self, candle: Candle, index: int) -> float:
        before = self._close
        self._close = candle.close
        if before != before:
            return nan

        high = candle.high if candle.high > before else before
        low = candle.low if candle.low < before else before
        return self._range.push(high - low)


class Supertrend(Several):
    """A stop line `factor` average ranges behind the market; `direction` is 1 below it, -1 above.

    It only ever moves toward the market, and changes sides when a close has passed it.
    """

    name = "supertrend"
    direction: Line

    def __init__(self, period: int = 10, multiple: float = 3.0) -> None:
        self.period = checked(period, self.name)
        self.multiple = factor(multiple, self.name)
        self.name = f"supertrend({period}, {multiple:g})"
        self._step = trend(period, self.multiple)
        self._also("direction")

    @property
    def is_up(self) -> bool:
        return self.direction.value > 0

    @property
    def is_down(self) -> bool:
        return self.direction.value < 0

    def columns(self, bars: "Bars") -> "tuple[Column, ...]":
        step = trend(self.period, self.multiple)
        rows = [
            step(*row)
            for row in zip(bars.high.tolist(), bars.low.tolist(), bars.close.tolist(), strict=True)
        ]
        return column(line for line, _ in rows), column(side for _, side in rows)

    def _all(self, candle: Candle, index: int) -> tuple[float, ...]:
        return self._step(candle.high, candle.low, candle.close)


def trend(period: int, multiple: float) -> Trend:
    """A function from one candle to the next: the line, and its direction."""
    average = wilder(period)
    before = nan
    upper, lower, side = nan, nan, 0.0

    def step(high: float, low: float, close: float) -> tuple[float, float]:
        nonlocal before, upper, lower, side
        last, before = before, close
        if last != last:
            return nan, nan
        span = average.push(max(high, last) - min(low, last))
        if span != span:
            return nan, nan

        middle, away = (high + low) / 2, multiple * span
        # A band moves away from the market only once a close has passed it.
        upper = middle + away if not (middle + away >= upper and last <= upper) else upper
        lower = middle - away if not (middle - away <= lower and last >= lower) else lower
        if side == 0.0:
            side = 1.0 if close >= middle else -1.0
        elif side > 0.0 and close < lower:
            side = -1.0
        elif side < 0.0 and close > upper:
            side = 1.0
        return (lower if side > 0.0 else upper), side

    return step
