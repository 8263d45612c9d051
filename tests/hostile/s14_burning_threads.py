# rows: S14
# tries: all processor time, in eight threads beside its decisions
# expect: runs
import hashlib
import threading

from strategy_runtime import BaseStrategy


def burn():
    block = b"x" * 1_000_000
    while True:
        hashlib.sha256(block).digest()


for _ in range(8):
    threading.Thread(target=burn, daemon=True).start()


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
