# rows: G3
# tries: never to return, after it behaved for some candles
# expect: ends hung: no (decision|heartbeat).*
from strategy_runtime import BaseStrategy


class Hang(BaseStrategy):
    instrument = "spot:B-BTC_USDT"
    resolution = "1m"
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        while self.seen > 3:
            pass
