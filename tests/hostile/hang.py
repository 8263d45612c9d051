# A strategy that behaves for some candles, then never returns.
from strategy_runtime import BaseStrategy


class Hang(BaseStrategy):
    instrument = "spot:B-BTC_USDT"
    resolution = "1m"
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        while self.seen > 3:
            pass
