# finds: future at 14:9
# says: it looks ahead

from numpy.lib.stride_tricks import as_strided
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        more = as_strided(self.history.close[-1:], (2,))
        if more[1] > candle.close:
            return self.long()
        return self.exit_long()
