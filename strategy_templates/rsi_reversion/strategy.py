from strategy_runtime import BaseStrategy, Candle, param
from strategy_runtime.sdk import Order


class RsiReversion(BaseStrategy):
    """Buys what fell too fast, sells it once it has recovered."""

    name = "RSI mean reversion"
    instrument = "spot:B-BTC_USDT"
    resolution = "1m"
    lookback = 300

    period: int = param(7, ge=2, le=100, description="candles in the RSI")
    oversold: float = param(30.0, ge=1, le=50, description="buy when the RSI falls below")
    recovered: float = param(55.0, ge=50, le=99, description="sell when the RSI rises above")
    risk: float = param(2.5, gt=0, le=20, description="distance of the stop, in average ranges")

    def on_start(self) -> None:
        self.strength = self.rsi(self.period)
        self.average_range = self.atr(14)

    def on_candle(self, candle: Candle) -> Order | None:
        if self.position.is_long:
            if self.strength > self.recovered:
                return self.exit_long(reason=f"RSI {self.strength.value:.1f}")
            return None

        if self.strength.crossed_below(self.oversold) and self.average_range > 0.0:
            distance = self.risk * self.average_range
            return self.long(
                stop_loss=candle.close - distance,
                take_profit=candle.close + 2 * distance,
                reason=f"RSI {self.strength.value:.1f}",
            )
        return None
