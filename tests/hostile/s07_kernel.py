# rows: S7
# tries: modules, bpf, performance counters, keys, page faults, reboot, another kernel, swap, accounting, handles
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
            (175, 0, 0, 0),
            (313, 0, 0, 0),
            (176, 0, 0),
            (321, 0, 0, 0),
            (298, 0, 0, 0, 0, 0),
            (250, 0, 0, 0),
            (248, 0, 0, 0, 0, 0),
            (249, 0, 0, 0, 0),
            (323, 0),
            (169, 0, 0, 0),
            (246, 0, 0, 0, 0),
            (320, 0, 0, 0, 0, 0),
            (167, 0, 0),
            (168, 0),
            (163, 0),
            (304, 0, 0, 0),
            (303, 0, 0, 0, 0, 0),
        ]
    ),
)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
