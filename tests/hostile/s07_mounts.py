# rows: S7
# tries: mount, umount, pivot_root, chroot, and the newer calls that do the same
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
    *codes(
        [
            (165, 0, 0, 0, 0, 0),
            (166, 0, 0),
            (155, 0, 0),
            (161, 0),
            (428, 0, 0, 0),
            (429, 0, 0, 0, 0),
            (430, 0, 0),
            (431, 0, 0, 0, 0, 0),
            (432, 0, 0, 0),
            (442, 0, 0, 0, 0, 0),
        ]
    ),
)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
