# finds: parameter at 11:5
# says: is no int

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    fast: int = param(2.5)

    def on_candle(self, candle):
        return None
