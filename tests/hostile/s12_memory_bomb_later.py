# rows: S12 S31
# tries: memory without end, after it behaved for a while
# expect: ends killed: used more than 64 MB
# memory: 64
from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        held = []
        while self.seen > 2:
            held.append(bytearray(b"x" * 4_000_000))
