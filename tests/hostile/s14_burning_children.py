# rows: S14
# tries: all processor time, in twenty processes
# expect: result BURNING
import os

from strategy_runtime import BaseStrategy

for _ in range(20):
    if os.fork() == 0:
        os.nice(0)
        while True:
            pass
print("RESULT BURNING")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
