# rows: S17 H-log
# tries: log lines without end, by the SDK, on each candle
# expect: runs
from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        for number in range(5_000):
            self.log(f"{number} " + "x" * 1_000)
