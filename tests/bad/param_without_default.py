# finds: parameter at 11:5
# says: has no default

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    fast: int = param(ge=2)

    def on_candle(self, candle):
        return None
