# finds: hook at 11:5
# says: on_candle must be a method

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    on_candle = 5
