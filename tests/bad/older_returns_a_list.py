# finds: signal at 9:9
# says: a signal is a dict

from base_strategy import BaseStrategy


class Older(BaseStrategy):
    def on_market_data(self, market_data):
        return ['BUY']


strategy = Older()
strategy.start()
