# rows: G21
# tries: to stand still, by a signal to itself
# expect: ends hung: no (decision|heartbeat).*
import os
import signal

from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        if self.seen > 2:
            os.kill(os.getpid(), signal.SIGSTOP)
