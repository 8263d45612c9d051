# rows: S18
# tries: links in its own folder, to what the host might follow
# expect: result PLANTED
import os

from strategy_runtime import BaseStrategy

for number, target in enumerate(
    ("/etc/shadow", "/var/run/docker.sock", "../../../../etc/passwd", "/proc/1/root", "/proc/self/fd/0")
):
    os.symlink(target, f"/tmp/link{number}")
for name in ("strategy.py", "sitecustomize.py", "manifest.json", "result.json"):
    os.symlink("/etc/passwd", f"/tmp/{name}")
print("RESULT PLANTED")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
