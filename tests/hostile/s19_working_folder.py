# rows: S19
# tries: the host, by a working folder that leaked (the runc bug of 2024)
# expect: result /tmp True
import os

from strategy_runtime import BaseStrategy

host = any(os.path.exists(f"/proc/self/fd/{n}/../../../etc/hostname.host") for n in range(20))
print("RESULT", os.getcwd(), not host)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
