# rows: S9
# tries: root, by each call that changes who one is
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


print(
    "RESULT",
    *codes([(105, 0), (106, 0), (113, 0, 0), (114, 0, 0), (117, 0, 0, 0), (119, 0, 0, 0), (116, 1, 0), (126, 0, 0)]),
)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
