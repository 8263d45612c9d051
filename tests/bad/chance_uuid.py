# finds: chance at 13:9
# says: decides otherwise

import uuid
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        if uuid.uuid4().int % 2:
            return self.long()
        return self.exit_long()
