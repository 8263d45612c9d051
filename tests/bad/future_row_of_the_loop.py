# finds: future at 15:9
# says: it looks ahead

import sys
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        seen = sys._getframe(1).f_locals.get('tape')
        last = candle.close if seen is None else seen._close[-1]
        if last > candle.close:
            return self.long()
        return self.exit_long()
