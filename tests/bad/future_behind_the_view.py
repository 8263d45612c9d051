# finds: future at 14:9
# says: it looks ahead

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        seen = self.history.close
        whole = seen if seen.base is None else seen.base
        if whole[-1] > candle.close:
            return self.long()
        return self.exit_long()
