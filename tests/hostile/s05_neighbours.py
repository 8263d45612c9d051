# rows: S5
# tries: other processes, other networks, sockets without a file
# expect: result 1 lo ECONNREFUSED
import errno
import os
import socket

from strategy_runtime import BaseStrategy


def code(call, *args):
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, "OSError")
    return "DONE"


owners = {os.stat(f"/proc/{pid}").st_uid for pid in os.listdir("/proc") if pid.isdecimal()}
links = [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line]
said = set()
for name in ("\0/containerd-shim", "\0/tmp/.X11-unix/X0", "\0docker", "\0slipway", "\0/run/dbus"):
    with socket.socket(socket.AF_UNIX) as one:
        said.add(code(one.connect, name))
print("RESULT", len(owners), *links, *sorted(said))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
