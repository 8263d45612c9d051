# finds: start at 0:0
# says: sl_atr_multiplier
# manifest: {"sl_atr_multiplier": "two"}

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        if candle.close > candle.open:
            return self.long()
        return self.exit_long()
