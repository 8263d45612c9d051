# finds: start at 0:0
# says: is no whole number
# parameters: {"fast": "ten"}

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    fast: int = param(10, ge=2)

    def on_candle(self, candle):
        if candle.close > candle.open:
            return self.long()
        return self.exit_long()
