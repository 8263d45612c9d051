# rows: S1
# tries: a program in anonymous memory, and execveat on a descriptor
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


print("RESULT", *codes([(319, 0, 0), (322, 0, 0, 0, 0, 0)]))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
