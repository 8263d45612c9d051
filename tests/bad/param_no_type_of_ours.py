# finds: parameter at 11:5
# says: int, float, str or bool

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    fast: list = param([1])

    def on_candle(self, candle):
        return None
