# rows: S20
# tries: a terminal or a console to take over
# expect: result ENXIO|ENOENT|EACCES|ENODEV|EPERM|EIO
import errno
import os

from strategy_runtime import BaseStrategy


def code(call, *args):
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, "OSError")
    return "DONE"


print("RESULT", *sorted({code(os.open, "/dev/tty", os.O_RDWR)}))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
