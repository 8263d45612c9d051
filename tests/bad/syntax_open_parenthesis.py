# finds: syntax at 12:25
# says: '(' was never closed

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        return self.long(stop_loss=candle.close * 0.9
