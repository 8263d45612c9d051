# finds: chance at 16:9
# says: decides otherwise

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        return self.decide(candle)

    def decide(self, candle, seen=[]):
        seen.append(candle.close)
        if len(seen) % 7 == 0:
            return self.long()
        return self.exit_long()
