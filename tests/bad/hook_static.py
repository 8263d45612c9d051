# finds: hook at 12:5
# says: takes no decorator

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    @staticmethod
    def on_candle(self, candle):
        return None
