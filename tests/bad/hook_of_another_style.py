# finds: style at 11:5
# says: hook of an older style

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_market_data(self, market_data):
        return None

    def on_candle(self, candle):
        return None
