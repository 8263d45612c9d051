# finds: chance at 15:9
# says: COUNT kept what the run before left

COUNT = 0

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        global COUNT
        COUNT += 1
        if COUNT % 7 == 0:
            return self.long()
        return self.exit_long()
