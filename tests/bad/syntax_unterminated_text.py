# finds: syntax at 12:18
# says: unterminated string literal

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        self.log('up)
        return None
