# finds: signal at 14:9
# says: long and short at once

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        self.long()
        self.short()
        return None
