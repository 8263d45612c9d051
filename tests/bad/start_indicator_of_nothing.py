# finds: start at 12:9
# says: must be a whole number

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_start(self):
        self.fast = self.sma(0)

    def on_candle(self, candle):
        if candle.close > candle.open:
            return self.long()
        return self.exit_long()
