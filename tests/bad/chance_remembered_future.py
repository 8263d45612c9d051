# finds: chance at 14:9
# says: Mine.prices kept what the run before left

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    prices = {}

    def on_candle(self, candle):
        self.prices[candle.seq] = candle.close
        if self.prices.get(candle.seq + 1, 0.0) > candle.close:
            return self.long()
        return self.exit_long()
