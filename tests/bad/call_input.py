# finds: call at 12:16
# says: input() is not

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        return input()
