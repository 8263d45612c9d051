from strategy_runtime import BaseStrategy, Candle, param
from strategy_runtime.sdk import Order


class SmaCross(BaseStrategy):
    """Follows the fast average: long above the slow one, short below it."""

    name = "SMA cross"
    instrument = "fut:B-BTC_USDT"
    resolution = "1m"
    lookback = 400

    fast: int = param(5, ge=2, le=200, description="candles in the fast average")
    slow: int = param(20, ge=3, le=400, description="candles in the slow average")
    stop: float = param(1.0, gt=0, le=20, description="stop, in percent of the price")
    target: float = param(2.0, gt=0, le=50, description="target, in percent of the price")

    def on_start(self) -> None:
        if self.fast >= self.slow:
            raise ValueError(f"fast ({self.fast}) must be below slow ({self.slow})")

        self.fast_ma = self.sma(self.fast)
        self.slow_ma = self.sma(self.slow)
        self.log(f"follows the mean of {self.fast} candles across that of {self.slow}")

    def on_candle(self, candle: Candle) -> Order | None:
        price = candle.close
        if self.fast_ma.crossed_above(self.slow_ma):
            return self.long(
                stop_loss=price * (1 - self.stop / 100),
                take_profit=price * (1 + self.target / 100),
                reason=f"fast {self.fast_ma.value:.6g} above slow {self.slow_ma.value:.6g}",
            )

        if self.fast_ma.crossed_below(self.slow_ma):
            return self.short(
                stop_loss=price * (1 + self.stop / 100),
                take_profit=price * (1 - self.target / 100),
                reason=f"fast {self.fast_ma.value:.6g} below slow {self.slow_ma.value:.6g}",
            )
        return None
