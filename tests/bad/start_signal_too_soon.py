# finds: start at 12:9
# says: there is no candle yet

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_start(self):
        self.long()

    def on_candle(self, candle):
        if candle.close > candle.open:
            return self.long()
        return self.exit_long()
