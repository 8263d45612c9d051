# finds: hook at 7:1
# says: has no on_market_data

from base_strategy import BaseStrategy


class Older(BaseStrategy):
    def on_data(self, market_data):
        return None


strategy = Older()
strategy.start()
