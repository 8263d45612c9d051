# finds: import at 12:9
# says: socket may not

from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_candle(self, candle):
        import socket

        return socket.gethostname()
