# rows: S12
# tries: memory without end
# expect: ends killed: used more than 64 MB
# memory: 64
from strategy_runtime import BaseStrategy

HELD = []
while True:
    HELD.append(bytearray(b"x" * 4_000_000))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
