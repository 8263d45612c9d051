# rows: S1 S26
# tries: a shell, by os.system
# expect: result 32512
import os

from strategy_runtime import BaseStrategy

print("RESULT", os.system("id"))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
