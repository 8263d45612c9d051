# finds: syntax at 11:8
# says: unexpected indent

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

        def on_candle(self, candle):
            return None
      x = 1
