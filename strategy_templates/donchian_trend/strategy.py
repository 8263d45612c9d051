from strategy_runtime import BaseStrategy, Candle, param
from strategy_runtime.sdk import Order


class DonchianTrend(BaseStrategy):
    """Trades the breakout of a channel and leaves at the opposite side of a shorter one."""

    name = "Donchian trend"
    instrument = "fut:B-ETH_USDT"
    resolution = "1m"
    lookback = 400

    entry: int = param(20, ge=3, le=300, description="candles in the channel to break out of")
    leave: int = param(10, ge=2, le=300, description="candles in the channel to leave at")
    risk: float = param(2.0, gt=0, le=20, description="distance of the stop, in average ranges")

    def on_start(self) -> None:
        self.upper = self.rolling_max(self.entry)
        self.lower = self.rolling_min(self.entry)
        self.exit_upper = self.rolling_max(self.leave)
        self.exit_lower = self.rolling_min(self.leave)
        self.average_range = self.atr(14)

    def on_candle(self, candle: Candle) -> Order | None:
        price = candle.close
        distance = self.risk * self.average_range
        # `previous` leaves the newest candle out: a channel that holds it is never broken.
        if price > self.upper.previous and distance > 0.0:
            return self.long(stop_loss=price - distance, reason="broke out upward")
        if price < self.lower.previous and distance > 0.0:
            return self.short(stop_loss=price + distance, reason="broke out downward")

        if self.position.is_long and price < self.exit_lower.previous:
            return self.exit_long(reason="fell out of the short channel")
        if self.position.is_short and price > self.exit_upper.previous:
            return self.exit_short(reason="rose out of the short channel")
        return None
