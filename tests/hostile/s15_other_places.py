# rows: S15
# tries: any other place that takes a file
# expect: result none
import os

from strategy_runtime import BaseStrategy

found = set()
for place, folders, files in os.walk("/", onerror=lambda error: None):
    if place == "/":
        folders[:] = [name for name in folders if name not in ("proc", "tmp")]
    if place == "/dev":
        folders[:] = [name for name in folders if name not in ("shm", "mqueue")]
    try:
        with open(f"{place}/planted", "w"):
            found.add(place)
    except OSError:
        pass
print("RESULT", " ".join(sorted(found)) or "none")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
