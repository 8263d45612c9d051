# finds: start at 4:1
# says: ZeroDivisionError

RATE = 1 / 0
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        if candle.close > candle.open:
            return self.long()
        return self.exit_long()
