# finds: signal at 9:9
# says: must lie below the price

from base_strategy import BaseStrategy


class Older(BaseStrategy):
    def on_market_data(self, market_data):
        return {'action': 'BUY', 'stopLoss': market_data['close'] * 1.1}


strategy = Older()
strategy.start()
