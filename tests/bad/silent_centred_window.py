# finds: silent at 11:5
# says: gave no signal

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        mean = self.history.frame()['close'].rolling(9, center=True).mean().iloc[-1]
        return self.long() if candle.close > mean else None
