# finds: chance at 13:9
# says: decides otherwise

import random
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        if random.random() < 0.5:
            return self.long()
        return self.exit_long()
