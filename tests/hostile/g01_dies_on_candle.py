# rows: G1
# tries: an end of its process on the third candle
# expect: ends ended with exit 9.*
import os

from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        if self.seen == 3:
            os._exit(9)
