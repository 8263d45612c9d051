from strategy_runtime import BaseStrategy, Candle, param
from strategy_runtime.sdk import Order


class MacdVolume(BaseStrategy):
    """Follows MACD on its own candles while the hour agrees and there is volume behind it."""

    name = "MACD and volume"
    instrument = "fut:B-ETH_USDT"
    resolution = "5m"
    resolutions = ("1h",)
    lookback = 500

    fast: int = param(12, ge=2, le=100, description="candles in the fast average")
    slow: int = param(26, ge=3, le=200, description="candles in the slow average")
    signal: int = param(9, ge=2, le=50, description="candles in the signal")
    hours: int = param(20, ge=2, le=200, description="hours in the average that must agree")
    volume: float = param(1.0, ge=0, le=10, description="least volume, in usual ones")
    risk: float = param(2.5, gt=0, le=20, description="distance of the stop, in average ranges")

    def on_start(self) -> None:
        if self.fast >= self.slow:
            raise ValueError(f"fast ({self.fast}) must be below slow ({self.slow})")

        self.momentum = self.macd(self.fast, self.slow, self.signal)
        self.usual_volume = self.sma(20, of="volume")
        self.average_range = self.atr(14)
        self.hourly = self.ema(self.hours, on="1h")

    def on_candle(self, candle: Candle) -> Order | None:
        if not self.average_range > 0.0:
            return None

        distance = self.risk * self.average_range
        busy = candle.volume >= self.volume * self.usual_volume
        if self.momentum.crossed_above(self.momentum.signal):
            if busy and candle.close > self.hourly:
                return self.long(stop_distance=distance, reason="momentum turned up")
            return self.exit_short(reason="momentum turned up")
        if self.momentum.crossed_below(self.momentum.signal):
            if busy and candle.close < self.hourly:
                return self.short(stop_distance=distance, reason="momentum turned down")
            return self.exit_long(reason="momentum turned down")
        return None
