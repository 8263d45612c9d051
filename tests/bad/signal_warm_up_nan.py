# finds: signal at 15:9
# says: finite

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_start(self):
        self.slow = self.sma(50)

    def on_candle(self, candle):
        return self.long(stop_loss=self.slow - 1.0)
