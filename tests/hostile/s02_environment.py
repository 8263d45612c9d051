# rows: S2
# tries: secrets in its own environment and in that of process 1
# expect: result none
import os

from strategy_runtime import BaseStrategy

ALLOWED = {
    "PATH",
    "HOME",
    "HOSTNAME",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "SLIPWAY_BUS_URL",
    "SLIPWAY_DEPLOYMENT",
    "SLIPWAY_GENERATION",
    "SLIPWAY_BOOT_SHA256",
    "SLIPWAY_TIME_SCALE",
}
found = set(os.environ)
for pid in (1, "self"):
    try:
        with open(f"/proc/{pid}/environ") as file:
            found |= {line.split("=")[0] for line in file.read().split("\0") if line}
    except OSError:
        pass
print("RESULT", " ".join(sorted(found - ALLOWED)) or "none")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
