# finds: attribute at 11:19
# says: must be a tuple

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    resolutions = "1h"

    def on_candle(self, candle):
        return None
