# rows: S15
# tries: a file of a terabyte, reserved at once
# expect: result ENOSPC|EFBIG
import errno
import os

from strategy_runtime import BaseStrategy


def code(call, *args):
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, "OSError")
    return "DONE"


file = os.open("/tmp/huge", os.O_CREAT | os.O_RDWR)
print("RESULT", code(os.posix_fallocate, file, 0, 2**40))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
