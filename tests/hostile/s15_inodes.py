# rows: S15
# tries: all names that the disk can hold
# expect: result ENOSPC True
import errno
import os

from strategy_runtime import BaseStrategy

made = 0
try:
    while made < 5_000:
        open(f"/tmp/i{made}", "w").close()
        made += 1
except OSError as error:
    print("RESULT", errno.errorcode[error.errno], made < 1024)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
