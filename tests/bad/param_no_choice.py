# finds: parameter at 11:5
# says: must be one of

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    mode: str = param("c", choices=("a", "b"))

    def on_candle(self, candle):
        return None
