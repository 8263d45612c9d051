# finds: chance at 14:13
# says: on another day

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        far = hash('a market') % 1_000
        if candle.close > candle.open:
            return self.long(stop_loss=candle.close * (0.9 - far / 100_000))
        return self.exit_long()
