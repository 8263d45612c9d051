# rows: S15
# tries: all of the disk
# expect: result ENOSPC True
import errno

from strategy_runtime import BaseStrategy

written = 0
try:
    with open("/tmp/fill", "wb", buffering=0) as file:
        while written < 100_000_000:
            written += file.write(b"x" * 65536)
except OSError as error:
    print("RESULT", errno.errorcode[error.errno], written <= 8 * 1024 * 1024)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
