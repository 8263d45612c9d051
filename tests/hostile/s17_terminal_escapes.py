# rows: S17
# tries: words for a terminal: colours, a cleared screen, a title, a bell
# expect: result (\\x1b\[2J|\\x1b\]0;owned\\x07|\\x9b31m|\\x00)+
from strategy_runtime import BaseStrategy

print("RESULT \x1b[2J\x1b]0;owned\x07\x9b31m\x00")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
