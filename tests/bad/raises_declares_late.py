# finds: raised at 12:9
# says: declare

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        fast = self.sma(10)
        return self.long() if candle.close > fast else None
