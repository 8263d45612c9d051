# rows: S12
# tries: memory by way of files in memory: they count to the same limit
# expect: ends killed: used more than 64 MB
# memory: 64
import mmap

from strategy_runtime import BaseStrategy

FILE = open("/tmp/fill", "wb", buffering=0)
try:
    while True:
        FILE.write(b"x" * 65536)
except OSError:
    pass
HELD = []
while True:
    block = mmap.mmap(-1, 4_000_000)
    block.write(b"x" * 4_000_000)
    HELD.append(block)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
