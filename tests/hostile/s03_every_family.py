# rows: S3
# tries: each family of sockets but the one of the bus
# expect: result EPERM
import errno
import socket

from strategy_runtime import BaseStrategy


def code(call, *args):
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, "OSError")
    return "DONE"


found = set()
for family in range(2, 46):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        found.add(code(socket.socket, family, kind))
print("RESULT", *sorted(found))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
