# rows: G1
# tries: a recursion without end, on each candle: failed decisions, not a dead process
# expect: runs
import sys

from strategy_runtime import BaseStrategy


def deeper(depth):
    return deeper(depth + 1)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return deeper(0)
