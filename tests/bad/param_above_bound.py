# finds: parameter at 11:5
# says: must be at most 50

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    fast: int = param(60, ge=2, le=50)

    def on_candle(self, candle):
        return None
