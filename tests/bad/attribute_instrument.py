# finds: attribute at 8:18
# says: is no str

from strategy_runtime import BaseStrategy


class Mine(BaseStrategy):
    instrument = 5

    def on_candle(self, candle):
        return None
