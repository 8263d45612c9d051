# rows: S6
# tries: a walk over every file for a socket that is not the bus
# expect: result [01]
import os
import stat

from strategy_runtime import BaseStrategy

found = []
for place, folders, files in os.walk("/", onerror=lambda error: None):
    folders[:] = [
        name
        for name in folders
        if f"{place}/{name}" not in ("//proc", "//sys", "/proc", "/sys") and name not in ("site-packages", "python3.11")
    ]
    for name in files:
        try:
            if stat.S_ISSOCK(os.lstat(f"{place}/{name}").st_mode):
                found.append(name)
        except OSError:
            pass
print("RESULT", len(found))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
