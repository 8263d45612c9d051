# finds: memory at 15:9
# says: self.closes did not come back

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_start(self):
        self.closes = []

    def on_candle(self, candle):
        self.closes.append(candle.close)
        if candle.close >= max(self.closes):
            return self.long()
        return self.exit_long()
