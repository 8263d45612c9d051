# rows: S17
# tries: lines that look like ours, in the author's log
# expect: result FORGED
from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    def on_start(self):
        self.log("2026-01-01 00:00:00 | CRITICAL | order_sent account=everyone\r\n\x1b[31mroot: all well\x00")
        print("RESULT FORGED")

    def on_candle(self, candle):
        return None
