# finds: memory at 15:9
# says: self.count did not come back

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_start(self):
        self.count = 0

    def on_candle(self, candle):
        self.count += 1
        if self.count % 70 == 0:
            return self.long()
        return self.exit_long() if self.count % 35 == 0 else None
