# rows: S8
# tries: io_uring, ptrace, other processes' memory: the defaults of an older engine let these through
# expect: result EPERM
import ctypes
import errno
import os

from strategy_runtime import BaseStrategy


def codes(calls):
    libc = ctypes.CDLL(None, use_errno=True)
    found = set()
    for number, *args in calls:
        ctypes.set_errno(0)
        answer = libc.syscall(number, *[ctypes.c_long(a) for a in args])
        found.add(errno.errorcode[ctypes.get_errno()] if answer == -1 else f"DONE:{number}")
    return sorted(found)


print(
    "RESULT",
    *codes(
        [
            (425, 8, 0),
            (426, 0, 0, 0, 0, 0, 0),
            (427, 0, 0, 0, 0),
            (101, 0, 0, 0, 0),
            (101, 16, os.getppid(), 0, 0),
            (310, 1, 0, 0, 0, 0, 0),
            (311, 1, 0, 0, 0, 0, 0),
            (312, 1, 1, 0, 0, 0),
            (438, 0, 0, 0),
        ]
    ),
)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
