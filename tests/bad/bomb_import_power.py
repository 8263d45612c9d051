# finds: hang at 5:1
# says: does not end

BASE = 7
BIG = BASE ** 10**8
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        if candle.close > candle.open:
            return self.long()
        return self.exit_long()
