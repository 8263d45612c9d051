# finds: signal at 12:9
# says: must lie above the price

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        return self.long(take_profit=candle.close * 0.99)
