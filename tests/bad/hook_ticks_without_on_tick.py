# finds: hook at 11:5
# says: there is no on_tick

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    ticks = True

    def on_candle(self, candle):
        return None
