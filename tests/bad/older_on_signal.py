# finds: hook at 11:5
# says: on_signal is called with self, signal

from base_strategy import BaseStrategy


class Older(BaseStrategy):
    def on_market_data(self, market_data):
        return None

    def on_signal(self, signal, price):
        return None


strategy = Older()
strategy.start()
