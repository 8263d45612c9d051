# rows: G19
# tries: to end by itself, with nothing wrong
# expect: ends ended by itself.*
import os

from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        if self.seen == 2:
            os._exit(0)
