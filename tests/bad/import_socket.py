# finds: import at 4:1
# says: socket may not

import socket
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        if candle.close > candle.open:
            return self.long()
        return self.exit_long()
