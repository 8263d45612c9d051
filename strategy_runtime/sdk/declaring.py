"""The indicators that a strategy can declare in `on_start`.

Each takes `on`, one of the class' further `resolutions`: there it follows those candles.
"""

from typing import TypeVar

from strategy_runtime.sdk import indicators
from strategy_runtime.sdk.context import Context
from strategy_runtime.sdk.indicators import Indicator, Source

I = TypeVar("I", bound=Indicator)  # noqa: E741 - reads as "an indicator"


class Declares:
    _slipway: Context

    # ---- averages ------------------------------------------------------------------------------

    def sma(self, period: int, of: Source = "close", *, on: str | None = None) -> Indicator:
        return self._declare(indicators.Sma(period, of), on)

    def ema(self, period: int, of: Source = "close", *, on: str | None = None) -> Indicator:
        return self._declare(indicators.Ema(period, of), on)

    def wma(self, period: int, of: Source = "close", *, on: str | None = None) -> Indicator:
        return self._declare(indicators.Wma(period, of), on)

    def vwap(self, period: int | None = None, *, on: str | None = None) -> Indicator:
        """Of the last `period` candles; without a period, of the day since midnight UTC."""
        if period is None:
            return self._declare(indicators.DayVwap(), on)
        return self._declare(indicators.Vwap(period), on)

    # ---- momentum and trend --------------------------------------------------------------------

    def rsi(self, period: int = 14, of: Source = "close", *, on: str | None = None) -> Indicator:
        return self._declare(indicators.Rsi(period, of), on)

    def macd(
        self,
        fast: int = 12,
        slow: int = 26,
        signal: int = 9,
        of: Source = "close",
        *,
        on: str | None = None,
    ) -> indicators.Macd:
        """Its `signal` and `histogram` are lines of their own."""
        return self._declare(indicators.Macd(fast, slow, signal, of), on)

    def stochastic(
        self, period: int = 14, smoothing: int = 3, signal: int = 3, *, on: str | None = None
    ) -> indicators.Stochastic:
        """%K, which is also `k`; `d` is its average."""
        return self._declare(indicators.Stochastic(period, smoothing, signal), on)

    def adx(self, period: int = 14, *, on: str | None = None) -> indicators.Adx:
        """Its `plus` and `minus` are the directional indicators."""
        return self._declare(indicators.Adx(period), on)

    def supertrend(
        self, period: int = 10, multiple: float = 3.0, *, on: str | None = None
    ) -> indicators.Supertrend:
        """Its `direction` is 1 in an upward trend and -1 in a downward one."""
        return self._declare(indicators.Supertrend(period, multiple), on)

    def obv(self, *, on: str | None = None) -> Indicator:
        return self._declare(indicators.Obv(), on)

    # ---- ranges and channels -------------------------------------------------------------------

    def atr(self, period: int = 14, *, on: str | None = None) -> Indicator:
        return self._declare(indicators.Atr(period), on)

    def bollinger(
        self,
        period: int = 20,
        deviations: float = 2.0,
        of: Source = "close",
        *,
        on: str | None = None,
    ) -> indicators.Bollinger:
        """Its lines are `upper`, `middle` and `lower`."""
        return self._declare(indicators.Bollinger(period, deviations, of), on)

    def donchian(self, period: int = 20, *, on: str | None = None) -> indicators.Donchian:
        """Its lines are `upper`, `middle` and `lower`."""
        return self._declare(indicators.Donchian(period), on)

    def rolling_max(self, period: int, of: Source = "high", *, on: str | None = None) -> Indicator:
        return self._declare(indicators.RollingMax(period, of), on)

    def rolling_min(self, period: int, of: Source = "low", *, on: str | None = None) -> Indicator:
        return self._declare(indicators.RollingMin(period, of), on)

    def rolling_std(self, period: int, of: Source = "close", *, on: str | None = None) -> Indicator:
        return self._declare(indicators.RollingStd(period, of), on)

    def _declare(self, indicator: I, on: str | None) -> I:
        return self._slipway.declare(indicator, on)
