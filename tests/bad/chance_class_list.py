# finds: chance at 14:9
# says: Mine.seen kept what the run before left

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    seen = []

    def on_candle(self, candle):
        self.seen.append(candle.close)
        if len(self.seen) % 7 == 0:
            return self.long()
        return self.exit_long()
