# rows: G9
# tries: a state beyond what may be kept
# expect: runs
from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        self.state["x"] = "y" * 100_000
