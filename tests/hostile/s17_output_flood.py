# rows: S17
# tries: output without end, kept short
# expect: result END
import sys

from strategy_runtime import BaseStrategy

for _ in range(500):
    sys.stdout.write("x" * 100_000 + "\n")
print("RESULT END")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
