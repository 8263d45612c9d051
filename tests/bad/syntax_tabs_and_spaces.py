# finds: syntax at 13:1
# says: inconsistent use of tabs

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        if candle.close:
		return None
