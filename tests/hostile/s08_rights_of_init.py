# rows: S8 S9
# tries: the rights of process 1, whose memory is in the same box: it has none either
# expect: result 0000000000000000 0000000000000000 1 2 (EACCES|EPERM)
import errno

from strategy_runtime import BaseStrategy


def code(call, *args):
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, "OSError")
    return "DONE"


def spare_init():
    with open("/proc/1/oom_score_adj", "w") as file:
        file.write("-1000")


with open("/proc/1/status") as file:
    STATUS = dict(line.split(":\t", 1) for line in file if ":\t" in line)
names = ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")
print("RESULT", *(STATUS[name].strip() for name in names), code(spare_init))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
