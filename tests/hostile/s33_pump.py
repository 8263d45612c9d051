# rows: S33
# tries: an entry on each candle, then its exit: counted once a trigger, whatever it wants
# expect: runs
from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        return self.long(stop_loss=candle.close * 0.5) if self.seen % 2 else self.exit_long()
