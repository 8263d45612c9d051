# finds: hook at 7:1
# says: has no on_candle

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candel(self, candle):
        return self.long()
