# rows: S2
# tries: secrets in the files that secrets lie in, also by way of process 1
# expect: result none
import os

from strategy_runtime import BaseStrategy

PLACES = [
    "/run/secrets",
    "/etc/shadow",
    "/root",
    "/.dockerenv.secret",
    "/var/run/secrets",
    "/tmp/.ssh",
    "/tmp/.aws",
    "/.env",
    "/opt/slipway/.env",
    "/opt/slipway/operator.token",
    "/var/lib/slipway",
    "/data",
    "/home",
]
found = []
for place in PLACES + [f"/proc/1/root{place}" for place in PLACES]:
    try:
        if os.path.isdir(place):
            found += [f"{place}/{name}" for name in os.listdir(place)]
        else:
            open(place).close()
            found.append(place)
    except OSError:
        pass
print("RESULT", " ".join(found) or "none")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
