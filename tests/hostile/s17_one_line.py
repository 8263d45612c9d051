# rows: S17
# tries: one line of a hundred megabytes
# expect: result END
import sys

from strategy_runtime import BaseStrategy

for _ in range(1_000):
    sys.stdout.write("x" * 100_000)
print()
print("RESULT END")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
