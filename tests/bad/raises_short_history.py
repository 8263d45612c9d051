# finds: raised at 12:9
# says: IndexError

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        before = self.history[-50]
        return self.long() if candle.close > before.close else self.exit_long()
