# rows: S7
# tries: namespaces of its own, in which it would be root
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


KINDS = (0x10000000, 0x00020000, 0x40000000, 0x20000000, 0x08000000, 0x04000000, 0x02000000)
print("RESULT", *codes([(272, kind) for kind in KINDS] + [(308, 0, kind) for kind in KINDS]))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
