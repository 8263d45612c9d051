# finds: hook at 11:5
# says: nothing is awaited in it

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    async def on_candle(self, candle):
        return None
