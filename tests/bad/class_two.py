# finds: class at 17:1
# says: several strategies

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        if candle.close > candle.open:
            return self.long()
        return self.exit_long()


class Other(BaseStrategy):
    def on_candle(self, candle):
        return None
