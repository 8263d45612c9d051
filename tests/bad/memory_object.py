# finds: memory at 19:5
# says: self.book did not come back

class Book:
    def __init__(self):
        self.seen = 0


from strategy_runtime import BaseStrategy, param


class Mine(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"

    def on_start(self):
        self.book = Book()

    def on_candle(self, candle):
        self.book.seen += 1
        if self.book.seen % 90 == 0:
            return self.long()
        return self.exit_long() if self.book.seen % 45 == 0 else None
