# rows: G4
# tries: a text that is never done loading
# expect: ends hung: no heartbeat.*
import time

from strategy_runtime import BaseStrategy

time.sleep(3600)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
