# finds: raised at 13:9
# says: at most 16

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        self.state['seen'] = 'x' * 20_000
        return self.long()
