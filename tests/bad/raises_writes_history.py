# finds: raised at 12:9
# says: read-only

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        self.history.close[-1] = 0.0
        return self.long()
