# finds: attribute at 12:16
# says: __subclasses__ is not for strategies

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        return ().__class__.__base__.__subclasses__()
