# finds: parameter at 11:5
# says: hides one of BaseStrategy's own

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    history: int = param(5)

    def on_candle(self, candle):
        return None
