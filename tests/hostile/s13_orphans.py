# rows: S13
# tries: children that leave their session, so that nobody waits for them
# expect: result ORPHANED
import os
import time

from strategy_runtime import BaseStrategy

for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        time.sleep(600)
        os._exit(0)
    os.wait()
print("RESULT ORPHANED")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
