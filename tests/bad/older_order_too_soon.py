# finds: start at 9:9
# says: there is no candle yet

from base_strategy import BaseStrategy


class Older(BaseStrategy):
    def on_start(self):
        self.place_order('BUY', 1)

    def on_market_data(self, market_data):
        return None


strategy = Older()
strategy.start()
