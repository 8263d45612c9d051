"""What a flood costs its neighbours: their decisions before it, while it is cut off, and after.

    python -m benchmarks.neighbour [CANDLES]

Calm strategies decide on each candle of a market that runs at sixty times its speed; one container
floods until it is cut off. Compared is the time from a candle's publication to the commit.
"""

import asyncio
import statistics
import sys

from sqlalchemy import select

from benchmarks.whole import ME, Whole, percentile, sailing
from control_plane.containers.images import ROOT
from control_plane.deployments.models.status import Status
from control_plane.infra.db import Tx
from control_plane.signals.store.tables import executions

NEIGHBOURS = 6
TARGET = 2.0
WARM = 5
CALM = (
    "from strategy_runtime import BaseStrategy\n"
    "class Calm(BaseStrategy):\n"
    "    instrument = 'spot:B-BTC_USDT'\n"
    "    resolution = '1m'\n"
    "    def on_candle(self, candle):\n"
    "        return None\n"
)
FLOOD = ROOT / "tests" / "hostile" / "flood.py"


def lags(tx: Tx, ships: list[str], after: int) -> dict[int, list[int]]:
    """Milliseconds by candle, of those that opened later."""
    query = select(executions).where(
        executions.c.deployment_id.in_(ships), executions.c.trigger_open_ms > after
    )
    found: dict[int, list[int]] = {}
    for row in tx.all(query):
        found.setdefault(row.trigger_open_ms, []).append(row.committed_ms - row.published_ms)
    return found


class Bench:
    def __init__(self, whole: Whole, calm: list[Status]) -> None:
        self.whole = whole
        self.ships = [str(one.id) for one in calm]
        self.seen = -1

    async def collect(self, candles: int) -> list[float]:
        """Of as many candles from now on."""
        await self.skip()
        async with asyncio.timeout(candles * 10 + 60):
            while len(found := await self._read()) < candles:
                await asyncio.sleep(0.5)
        self.seen = max(found)
        return [float(lag) for _, of_one in sorted(found.items()) for lag in of_one]

    async def skip(self) -> None:
        self.seen = max(await self._read(), default=self.seen)

    async def _read(self) -> dict[int, list[int]]:
        return await self.whole.app.machinery.db.read(lags, self.ships, self.seen)


async def main(candles: int) -> None:
    async with sailing() as whole:
        await whole.strategies.upload(ME, "calm", CALM)
        await whole.strategies.upload(ME, "flood", FLOOD.read_text())
        calm = [await whole.deploy("calm") for _ in range(NEIGHBOURS)]
        for one in calm:
            await whole.until(one, "running")
        bench = Bench(whole, calm)
        await bench.collect(WARM)
        before = await bench.collect(candles)
        flood = await whole.deploy("flood")
        cut = await whole.until(flood, "failed")
        after = await bench.collect(candles)
        restarts = sum([(await whole.status(one)).restarts for one in calm])
    print(f"{NEIGHBOURS} neighbours, {candles} candles before a flood and {candles} after its cut")
    for name, values in (("before", before), ("after", after)):
        p50, p99 = statistics.median(values), percentile(values, 0.99)
        worst = values.index(max(values)) // NEIGHBOURS + 1
        print(
            f"  {name:<7} p50 {p50:5.0f} ms   p99 {p99:5.0f} ms"
            f"   most {max(values):5.0f} ms, at candle {worst}"
        )
    ratio = percentile(after, 0.99) / max(1.0, percentile(before, 0.99))
    print(f"  p99 after ÷ before {ratio:.2f}   target ≤ {TARGET:g}: ", end="")
    print("reached" if ratio <= TARGET else "MISSED")
    print(f"  neighbours restarted: {restarts}; the flood: {cut.reason}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
