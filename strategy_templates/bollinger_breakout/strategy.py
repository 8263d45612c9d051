from strategy_runtime import BaseStrategy, Candle, param
from strategy_runtime.sdk import Order


class BollingerBreakout(BaseStrategy):
    """Goes with a market that leaves its bands after a quiet time."""

    name = "Bollinger breakout"
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"
    lookback = 400

    period: int = param(20, ge=5, le=200, description="candles in the bands")
    deviations: float = param(2.0, gt=0, le=5, description="width of the bands")
    quiet: float = param(1.0, gt=0, le=5, description="narrower than this many of its averages")
    risk: float = param(2.0, gt=0, le=20, description="distance of the stop, in average ranges")
    reward: float = param(4.0, gt=0, le=50, description="distance of the target, in average ranges")

    def on_start(self) -> None:
        self.bands = self.bollinger(self.period, self.deviations)
        self.spread = self.rolling_std(self.period)
        self.usual = self.rolling_std(5 * self.period)
        self.average_range = self.atr(14)

    def on_candle(self, candle: Candle) -> Order | None:
        if self.position.is_long and candle.close < self.bands.middle:
            return self.exit_long(reason="back in the middle")
        if self.position.is_short and candle.close > self.bands.middle:
            return self.exit_short(reason="back in the middle")
        if not self.position.is_flat or not self.usual.ready or not self.average_range > 0.0:
            return None

        # `previous`: this candle itself has already widened the bands.
        was_quiet = self.spread.previous < self.quiet * self.usual.previous
        if was_quiet and candle.close > self.bands.upper:
            return self.long(
                stop_distance=self.risk * self.average_range,
                target_distance=self.reward * self.average_range,
                reason="above the upper band",
            )
        if was_quiet and candle.close < self.bands.lower:
            return self.short(
                stop_distance=self.risk * self.average_range,
                target_distance=min(self.reward * self.average_range, candle.close / 2),
                reason="below the lower band",
            )
        return None
