# rows: S9
# tries: a file that would run as somebody else, and what it may do itself
# expect: result 0 0000000000000000 1 2
import os
import stat

from strategy_runtime import BaseStrategy

count = 0
for place, folders, files in os.walk("/", onerror=lambda error: None):
    if place == "/":
        folders[:] = [name for name in folders if name not in ("proc", "sys")]
    for name in files:
        try:
            count += bool(os.lstat(f"{place}/{name}").st_mode & (stat.S_ISUID | stat.S_ISGID))
        except OSError:
            pass
status = dict(line.split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
print("RESULT", count, status["CapBnd"].strip(), status["NoNewPrivs"].strip(), status["Seccomp"].strip())


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
