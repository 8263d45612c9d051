# rows: S19
# tries: descriptors that something left open for it
# expect: result none
import os

from strategy_runtime import BaseStrategy

KNOWN = ("pipe:", "socket:", "anon_inode:", "/dev/null", "/dev/urandom")
found = []
for name in os.listdir("/proc/self/fd"):
    try:
        target = os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        continue
    if not target.startswith(KNOWN) and not target.startswith("/proc/"):
        found.append(target)
print("RESULT", " ".join(found) or "none")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
