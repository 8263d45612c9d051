# rows: S34 G18
# tries: to go on after it was stopped: it hears no signal
# expect: result DEAF
import signal

from strategy_runtime import BaseStrategy


class Hostile(BaseStrategy):
    def on_start(self):
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        print("RESULT DEAF")

    def on_candle(self, candle):
        return None
