# finds: future at 14:9
# says: it looks ahead

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        bars = getattr(self.history, 'bars', None)
        last = candle.close if bars is None else bars.close[-1]
        if last > candle.close:
            return self.long()
        return self.exit_long()
