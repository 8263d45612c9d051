# rows: S33
# tries: prices that are no numbers, or beyond every number
# expect: runs
from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        return self.long(stop_loss=(float("nan"), float("inf"), -1.0, 1e308, 0.0)[self.seen % 5])
