# finds: output at 13:9
# says: prints too much

import sys
from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        sys.stderr.write('x' * 50_000)
        return self.long() if candle.close > candle.open else self.exit_long()
