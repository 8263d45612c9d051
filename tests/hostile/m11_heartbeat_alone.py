# rows: M11 G5
# tries: a heartbeat that lives on while nothing is decided
# expect: ends hung: no (decision|heartbeat).*
import threading

from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        if self.seen > 2:
            threading.Event().wait()
