# finds: silent at 11:5
# says: gave no signal

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        return self.long() if candle.close > 1e9 else None
