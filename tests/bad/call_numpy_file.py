# finds: call at 13:16
# says: fromfile() finds no file

import numpy as np
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        return np.fromfile('candles.bin')
