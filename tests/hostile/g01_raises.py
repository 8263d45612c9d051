# rows: G1
# tries: an exception while it loads
# expect: ends .*ValueError.*
from strategy_runtime import BaseStrategy

raise ValueError("on purpose")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
