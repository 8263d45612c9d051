# rows: S2 S19
# tries: whatever else lies beside the bus' socket, and changing what is there
# expect: result (EACCES|socket) EROFS EROFS EROFS
import errno
import os
import stat

from strategy_runtime import BaseStrategy


def code(call, *args):
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, "OSError")
    return "DONE"


with open("/proc/self/environ") as file:
    URL = next(part for part in file.read().split("\0") if part.startswith("SLIPWAY_BUS_URL="))
SOCKET = URL.partition("@")[2]
FOUND = code(os.listdir, "/run/slipway")
if FOUND == "DONE":
    kinds = {stat.S_ISSOCK(os.stat(f"/run/slipway/{name}").st_mode) for name in os.listdir("/run/slipway")}
    FOUND = "socket" if kinds == {True} else "FILES"
print("RESULT", FOUND, code(os.unlink, SOCKET), code(os.rename, SOCKET, "/run/slipway/x"), code(os.chmod, SOCKET, 0))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
