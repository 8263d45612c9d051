# finds: raised at 13:9
# says: self.state

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        self.state['seen'] = {1, 2}
        return self.long()
