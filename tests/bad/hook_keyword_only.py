# finds: hook at 11:5
# says: on_candle is called with self, candle

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle, *, size):
        return None
