# rows: S13
# tries: as many threads as it gets
# expect: result True RuntimeError
import threading

from strategy_runtime import BaseStrategy

stop = threading.Event()
held = []
outcome = "DONE"
try:
    while len(held) < 500:
        one = threading.Thread(target=stop.wait, daemon=True)
        one.start()
        held.append(one)
except RuntimeError:
    outcome = "RuntimeError"
stop.set()
print("RESULT", len(held) < 64, outcome)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
