# rows: G3
# tries: a decision that never comes, at full speed
# expect: ends hung: no (decision|heartbeat).*
from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        while self.seen > 2:
            pass
