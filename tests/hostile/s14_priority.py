# rows: S14
# tries: to come before everybody else: priorities, real time, all processors
# expect: result (EPERM|EACCES) EPERM
import errno
import os

from strategy_runtime import BaseStrategy


def code(call, *args):
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, "OSError")
    return "DONE"


print("RESULT", code(os.nice, -10), code(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(50)))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
