# finds: signal at 9:9
# says: is none of BUY, SELL

from base_strategy import BaseStrategy


class Older(BaseStrategy):
    def on_market_data(self, market_data):
        return {'action': 'MAYBE'}


strategy = Older()
strategy.start()
