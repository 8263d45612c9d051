# finds: hang at 9:9
# says: does not end

from base_strategy import BaseStrategy


class Older(BaseStrategy):
    def on_market_data(self, market_data):
        while market_data['close'] > 0: continue


strategy = Older()
strategy.start()
