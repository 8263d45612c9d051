# finds: raised at 9:9
# says: KeyError

from base_strategy import BaseStrategy


class Older(BaseStrategy):
    def on_market_data(self, market_data):
        return {'action': 'BUY'} if market_data['Close'] > 1 else None


strategy = Older()
strategy.start()
