# finds: syntax at 14:25
# says: duplicate argument

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        return None

    def helper(self, a, a):
        return a
