# rows: S5
# tries: signals to every number: there is nobody but itself and its init
# expect: result 2
import os

from strategy_runtime import BaseStrategy

there = 0
for pid in range(1, 40_000):
    try:
        os.kill(pid, 0)
        there += 1
    except ProcessLookupError:
        pass
    except PermissionError:
        there += 100
print("RESULT", there)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
