# finds: attribute at 8:18
# says: is none of

from strategy_runtime import BaseStrategy


class Mine(BaseStrategy):
    resolution = "7m"

    def on_candle(self, candle):
        return None
