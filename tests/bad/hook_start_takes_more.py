# finds: hook at 11:5
# says: on_start is called with self

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_start(self, market):
        return None

    def on_candle(self, candle):
        return None
