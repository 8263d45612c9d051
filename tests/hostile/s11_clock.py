# rows: S11
# tries: another time of day, for everybody
# expect: result EPERM
import ctypes
import errno

from strategy_runtime import BaseStrategy


def codes(calls):
    libc = ctypes.CDLL(None, use_errno=True)
    found = set()
    for number, *args in calls:
        ctypes.set_errno(0)
        answer = libc.syscall(number, *[ctypes.c_long(a) for a in args])
        found.add(errno.errorcode[ctypes.get_errno()] if answer == -1 else f"DONE:{number}")
    return sorted(found)


print("RESULT", *codes([(164, 0, 0), (227, 0, 0), (159, 0), (305, 0, 0), (170, 0, 0), (171, 0, 0)]))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
