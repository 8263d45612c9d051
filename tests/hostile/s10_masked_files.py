# rows: S10 S20
# tries: what is hidden of /proc and /sys: it is empty or not there
# expect: result 0
import os

from strategy_runtime import BaseStrategy

found = 0
for path in (
    "/proc/kcore",
    "/proc/keys",
    "/proc/timer_list",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/acpi",
    "/proc/scsi",
    "/proc/asound",
):
    try:
        found += len(os.listdir(path)) if os.path.isdir(path) else len(open(path, "rb").read(4096))
    except OSError:
        pass
print("RESULT", found)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
