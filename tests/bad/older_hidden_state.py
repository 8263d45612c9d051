# finds: memory at 13:9
# says: self.count did not come back

from base_strategy import BaseStrategy


class Older(BaseStrategy):
    def __init__(self):
        super().__init__()
        self.count = 0

    def on_market_data(self, market_data):
        self.count += 1
        return 'BUY' if self.count % 70 == 0 else 'EXIT' if self.count % 35 == 0 else None


strategy = Older()
strategy.start()
