# rows: S13
# tries: as many children as it gets
# expect: result True EAGAIN
import errno
import os
import signal

from strategy_runtime import BaseStrategy

children = []
try:
    while len(children) < 500:
        pid = os.fork()
        if pid == 0:
            signal.pause()
            os._exit(0)
        children.append(pid)
except OSError as error:
    outcome = errno.errorcode[error.errno]
for pid in children:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
print("RESULT", len(children) < 64, outcome)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
