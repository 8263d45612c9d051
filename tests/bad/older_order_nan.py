# finds: signal at 9:9
# says: finite

from base_strategy import BaseStrategy


class Older(BaseStrategy):
    def on_market_data(self, market_data):
        self.place_order('BUY', 1, stop_loss=float('nan'))


strategy = Older()
strategy.start()
