# finds: call at 13:16
# says: read_csv() finds no file

import pandas as pd
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        return pd.read_csv('candles.csv')
