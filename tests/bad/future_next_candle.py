# finds: future at 16:9
# says: it looks ahead

import numpy as np
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        whole = self.history.close.base
        at = int(np.searchsorted(self.history.open_ms.base, candle.open_ms))
        after = whole[at + 1] if whole is not None and at + 1 < len(whole) else candle.close
        if after > candle.close * 1.001:
            return self.long()
        return self.exit_long()
