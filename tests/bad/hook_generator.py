# finds: start at 7:1
# says: must be a plain function

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        yield self.long()
