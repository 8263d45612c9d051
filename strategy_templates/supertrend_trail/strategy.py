from strategy_runtime import BaseStrategy, Candle, param
from strategy_runtime.sdk import Order


class SupertrendTrail(BaseStrategy):
    """Enters with the supertrend where there is a trend at all, and trails its stop."""

    name = "Supertrend with a trailing stop"
    instrument = "fut:B-SOL_USDT"
    resolution = "5m"
    lookback = 400

    period: int = param(10, ge=2, le=100, description="candles in the average range")
    multiple: float = param(3.0, gt=0, le=20, description="average ranges behind the market")
    strength: float = param(20.0, ge=0, le=60, description="least ADX to enter")
    trail: float = param(4.0, gt=0, le=30, description="trailing stop, in average ranges")

    def on_start(self) -> None:
        self.line = self.supertrend(self.period, self.multiple)
        self.trend = self.adx(14)
        self.average_range = self.atr(14)

    def on_candle(self, candle: Candle) -> Order | None:
        if not self.average_range > 0.0:
            return None

        left = self.trailing_stop(self.trail * self.average_range)
        if left is not None:
            return left
        distance = self.trail * self.average_range
        if self.line.direction.crossed_above(0) and self.trend > self.strength:
            return self.long(stop_distance=distance, reason=f"ADX {self.trend.value:.0f}")
        if self.line.direction.crossed_below(0) and self.trend > self.strength:
            return self.short(stop_distance=distance, reason=f"ADX {self.trend.value:.0f}")
        return None
