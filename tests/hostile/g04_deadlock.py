# rows: G4
# tries: a lock that it waits for itself
# expect: ends hung: no (decision|heartbeat).*
import threading

from strategy_runtime import BaseStrategy

LOCK = threading.Lock()


class Hostile(BaseStrategy):
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        if self.seen > 2:
            LOCK.acquire()
