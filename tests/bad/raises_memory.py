# finds: raised at 12:9
# says: MemoryError

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        whole = ' ' * 10**11
        return self.long() if whole else None
