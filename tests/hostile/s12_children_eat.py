# rows: S12 S13
# tries: memory without end in a child: the child dies, or all do, never the host
# expect: result CHILD 9
# memory: 128
import os

from strategy_runtime import BaseStrategy

pid = os.fork()
if pid == 0:
    held = []
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    while True:
        held.append(bytearray(b"x" * 4_000_000))
print("RESULT CHILD", os.waitpid(pid, 0)[1] & 127)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
