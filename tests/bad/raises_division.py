# finds: raised at 12:9
# says: ZeroDivisionError

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        return self.long() if candle.close / (candle.open - candle.open) else None
