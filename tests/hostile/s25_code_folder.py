# rows: S25
# tries: the runtime's own code, changed or read by nobody else
# expect: result (EACCES )?EROFS
import errno
import strategy_runtime
import sys

from strategy_runtime import BaseStrategy


def code(call, *args):
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, "OSError")
    return "DONE"


PATHS = [
    strategy_runtime.__file__,
    *(f"{p}/planted.py" for p in sys.path if p.startswith("/") and not p.endswith(".zip")),
]
print("RESULT", *sorted({code(open, path, "a") for path in PATHS} - {"ENOENT", "ENOTDIR"}))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
