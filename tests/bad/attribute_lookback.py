# finds: attribute at 11:16
# says: must be between 0 and

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    lookback = 1_000_000

    def on_candle(self, candle):
        return None
