"""A fleet from nothing: how long until all of it runs, and what it weighs.

    python -m benchmarks.fleet [COUNT] [plain | numpy | pandas]

By hand, for fifty containers want some gigabytes. Launches keep to the spawn budget of the settings
(a few at once, then two a second), so the least that it can take is told beside what it took.

Two measures of memory: what a process has resident, and what the machine has less for each, in
which a library's file counts once, for the containers of an image share it, and the engine's part
counts too.
"""

import asyncio
import statistics
import sys
import time
from pathlib import Path

from benchmarks.whole import ME, Whole, sailing
from control_plane.deployments.models.status import Status
from control_plane.deployments.worker.reconciler import BURST

TARGETS_MB = {"plain": 32, "numpy": 45, "pandas": 70}
USES = {"plain": "None", "numpy": "self.history.close", "pandas": "self.history.frame()"}
ROOM_MB = {"plain": 64, "numpy": 96, "pandas": 160}
IDLE = (
    "from strategy_runtime import BaseStrategy\n"
    "class Idle(BaseStrategy):\n"
    "    instrument = 'spot:B-BTC_USDT'\n"
    "    resolution = '1m'\n"
    "    def on_candle(self, candle):\n"
    "        {use}\n"
)


async def main(count: int, what: str) -> None:
    free_before = available_mb()
    async with sailing() as whole:
        per_second = whole.app.machinery.settings.fleet.spawn_per_second
        await whole.strategies.upload(ME, "idle", IDLE.format(use=USES[what]))
        before = available_mb()
        began = time.perf_counter()
        room = {"memory_mb": ROOM_MB[what], "cpus": 0.25}
        ones = [await whole.deploy("idle", **room) for _ in range(count)]
        for one in ones:
            await whole.until(one, "running", 300)
        took = time.perf_counter() - began
        await asyncio.sleep(12)  # two heartbeats
        found = [await whole.status(one) for one in ones]
        after = available_mb()
        decided = await _lags(whole, found)
    least = max(0.0, (count - BURST) / per_second)
    resident = [one.rss_bytes / 1e6 for one in found if one.rss_bytes]
    median, each, target = statistics.median(resident), (before - after) / count, TARGETS_MB[what]
    print(f"{count} containers ({what}), {free_before:.0f} MB of memory available before all")
    print(f"  all running after {took:.1f} s; the budget alone takes {least:.1f} s")
    print(
        f"  resident, idle: median {median:.1f} MB, most {max(resident):.1f} MB"
        f"   target ≤ {target}: {_verdict(median, target)}"
    )
    print(
        f"  of the machine's memory: {each:.1f} MB each   target ≤ {target}:"
        f" {_verdict(each, target)}"
    )
    print(f"  lag from publication to decision: median {statistics.median(decided):.0f} ms")
    print(f"  launched more than once: {sum(one.generation > 1 for one in found)}")


def _verdict(found: float, target: int) -> str:
    return "reached" if found <= target else "MISSED"


async def _lags(whole: Whole, found: list[Status]) -> list[int]:
    return [one.lag_ms or 0 for one in found]


def available_mb() -> float:
    lines = Path("/proc/meminfo").read_text().splitlines()
    line = next(line for line in lines if line.startswith("MemAvailable"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    asyncio.run(
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 50,
            sys.argv[2] if len(sys.argv) > 2 else "plain",
        )
    )
