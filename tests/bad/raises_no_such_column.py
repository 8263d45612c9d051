# finds: raised at 12:9
# says: KeyError

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        return self.long() if self.history.frame()['Close'].iloc[-1] > 1 else None
