# finds: chance at 15:13
# says: on another day

from datetime import datetime
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        month = datetime.now().month
        if candle.close > candle.open:
            return self.long(stop_loss=candle.close * (0.9 - month / 10_000))
        return self.exit_long()
