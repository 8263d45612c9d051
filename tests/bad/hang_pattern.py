# finds: hang at 13:9
# says: does not end

import re
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        return self.long() if re.match(r'(a+)+$', 'a' * 40 + 'b') else None
