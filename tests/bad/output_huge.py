# finds: output at 12:9
# says: prints too much

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        print('x' * 100_000)
        return self.long() if candle.close > candle.open else self.exit_long()
