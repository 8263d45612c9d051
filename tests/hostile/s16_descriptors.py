# rows: S16
# tries: as many open files as it gets
# expect: result EMFILE True
import errno
import os

from strategy_runtime import BaseStrategy

held = []
try:
    while len(held) < 5_000:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    outcome = errno.errorcode[error.errno]
for number in held:
    os.close(number)
print("RESULT", outcome, len(held) < 128)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
