# finds: hook at 8:5
# says: on_market_data is called with self, market_data

from base_strategy import BaseStrategy


class Older(BaseStrategy):
    def on_market_data(self):
        return None


strategy = Older()
strategy.start()
