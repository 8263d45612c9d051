# rows: G1 S5
# tries: to kill every process that it can reach
# expect: ends killed from outside.*
import os
import signal

from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        if self.seen == 2:
            try:
                os.kill(-1, signal.SIGKILL)
            finally:
                os.kill(os.getpid(), signal.SIGKILL)
