"""What an idle strategy's process weighs and how long it takes to be ready.

    python -m benchmarks.runtime_memory [ROUNDS]

Each row is a fresh interpreter, isolated as in a container: bare Python, the runtime with a
strategy that has warmed up, and the same with NumPy or pandas in use. Rounds are interleaved.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

CHILD = """
import sys, time
began = time.perf_counter()
sys.path.insert(0, sys.argv[1])
what = sys.argv[2]
if what != "python":
    import asyncio
    import strategy_runtime.main
    from strategy_runtime.engine.engine import Engine, Setting
    from strategy_runtime.loader import load
    from strategy_runtime.wire.messages import Candle
    ask = {"runtime": "", "numpy": "self.history.close", "pandas": "self.history.frame()"}[what]
    kind = load(
        "from strategy_runtime import BaseStrategy\\n"
        "class Idle(BaseStrategy):\\n"
        "    def on_start(self): self.average = self.sma(20)\\n"
        f"    def on_candle(self, candle): {ask or 'pass'}\\n"
    )
    engine = Engine(kind, Setting("fut:B-BTC_USDT", "1m"))
    for n in range(1_000):
        engine.warm(Candle(n * 60_000, 100.0, 101.0, 99.0, 100.0, 1.0, n))
    decision = engine.decide(Candle(60_000_000, 100.0, 101.0, 99.0, 100.0, 1.0, 1_000))
    assert decision.outcome == "none", decision.error
    asyncio.run(asyncio.sleep(0))
seconds = time.perf_counter() - began
import json
pages = int(open("/proc/self/statm").read().split()[1])
print(json.dumps([pages * 4096 / 1e6, seconds * 1000]))
"""

ROWS = {
    "python": "bare Python",
    "runtime": "runtime, idle strategy",
    "numpy": "with NumPy views",
    "pandas": "with a DataFrame",
}
TARGETS_MB = {"runtime": 32, "numpy": 45, "pandas": 70}


def measure(what: str) -> tuple[float, float]:
    """Resident megabytes and milliseconds until ready."""
    said = subprocess.run(
        [sys.executable, "-I", "-c", CHILD, str(ROOT), what],
        capture_output=True,
        text=True,
        check=True,
    )
    megabytes, milliseconds = json.loads(said.stdout)
    return megabytes, milliseconds


def main(rounds: int) -> None:
    found: dict[str, list[tuple[float, float]]] = {what: [] for what in ROWS}
    for what in ROWS:
        measure(what)  # once for the disk cache
    for _ in range(rounds):
        for what in ROWS:
            found[what].append(measure(what))

    print(f"{'':<24}{'RSS MB':>8}{'target':>8}{'ready ms':>10}")
    for what, title in ROWS.items():
        megabytes = statistics.median(row[0] for row in found[what])
        milliseconds = statistics.median(row[1] for row in found[what])
        target = TARGETS_MB.get(what, "")
        print(f"{title:<24}{megabytes:>8.1f}{target!s:>8}{milliseconds:>10.0f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
