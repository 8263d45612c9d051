# rows: G1
# tries: a crash in native code
# expect: ends crashed in native code: SIGSEGV.*
import ctypes

from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        if self.seen == 2:
            ctypes.string_at(0)
