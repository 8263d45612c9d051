# rows: S31
# tries: good behaviour first, the attack later: the box is not for the check alone
# expect: result EPERM 32512
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


class Hostile(BaseStrategy):
    seen = 0

    def on_candle(self, candle):
        self.seen += 1
        if self.seen == 5:
            print("RESULT", code(socket.socket), os.system("id"))
