# finds: chance at 11:9
# says: decides otherwise

import random

from base_strategy import BaseStrategy


class Older(BaseStrategy):
    def on_market_data(self, market_data):
        return {'action': 'BUY' if random.random() < 0.5 else 'SELL'}


strategy = Older()
strategy.start()
