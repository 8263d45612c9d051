# finds: parameter at 11:5
# says: no finite number

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    fast: float = param(1.0, le=1e999)

    def on_candle(self, candle):
        return None
