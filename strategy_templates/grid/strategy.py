from strategy_runtime import BaseStrategy, Candle, param
from strategy_runtime.sdk import Order


class Grid(BaseStrategy):
    """Buys each time the price has fallen by a step, and sells a step higher."""

    name = "Grid"
    instrument = "spot:B-BTC_USDT"
    resolution = "1m"
    lookback = 300

    step: float = param(0.6, gt=0, le=20, description="height of a step, in percent")
    depth: int = param(4, ge=1, le=20, description="steps below the entry at which it gives up")
    anchor: int = param(120, ge=5, le=1000, description="candles in the average it starts from")

    def on_start(self) -> None:
        self.middle = self.sma(self.anchor)

    def on_candle(self, candle: Candle) -> Order | None:
        if not self.position.is_flat or not self.middle.ready:
            return None

        height = self.middle.value * self.step / 100
        steps = int((self.middle.value - candle.close) / height)
        # The step that was bought last is durable: a restart does not buy it again.
        if steps <= 0:
            self.state["bought"] = 0
            return None
        if steps <= self.state.get("bought", 0):
            return None

        self.state["bought"] = steps
        return self.long(
            stop_distance=min(self.depth * height, candle.close / 2),
            target_distance=height,
            reason=f"{steps} steps below the average",
        )
