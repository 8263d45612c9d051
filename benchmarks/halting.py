"""How soon after a halt's commit the last entry leaves, while thousands are ready to.

    python -m benchmarks.halting [ACCOUNTS]

In the midst of a fan-out to the simulated exchange somebody halts the platform. Counted is from the
commit to the last entry that is handed to the exchange's client, and to the last answer.
"""

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

from benchmarks.offing import Offing, offing
from control_plane.brokers.models import Accepted, Broker, OrderRequest
from control_plane.orders.service.halting import Halts

ACCOUNTS = 5_000
ROUNDS = 3
UNDER_WAY = 0.1  # such a share has left when the halt comes
TARGET_SECONDS = 1.0


@dataclass
class Watched:
    """A broker, and when it was last given an order, and last answered one."""

    broker: Broker
    left: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.broker, name)

    async def place(self, order: OrderRequest) -> Accepted:
        self.left.append(time.perf_counter())
        try:
            return await self.broker.place(order)
        finally:
            self.answered.append(time.perf_counter())


async def measure(accounts: int) -> None:
    async with offing(accounts) as sea:
        brokers: Any = sea.made.desk.brokers
        for _ in range(ROUNDS):
            brokers["paper"] = watched = Watched(sea.opened.broker)
            await _round(sea, watched)
            await sea.forget()


async def _round(sea: Offing, watched: Watched) -> None:
    halts = Halts(sea.made.db, sea.made.desk.bus)
    await sea.plan()
    with sea.sending():
        while len(watched.left) < sea.accounts * UNDER_WAY:
            await asyncio.sleep(0.001)
        asked, before = time.perf_counter(), len(watched.left)
        halted = await halts.halt("platform", by_user="somebody")
        committed = time.perf_counter()
        await sea.all_gone()
    await halts.unhalt("platform", by_user="somebody")
    last = max(watched.left[-1] - committed, 0.0)
    answered = max(watched.answered[-1] - committed, 0.0)
    print(
        f"{sea.accounts:,} ready, {before:,} had left when the halt was asked for and "
        f"{len(watched.left) - before:,} left after that; {halted.denied:,} denied"
    )
    print(
        f"  asked → committed {(committed - asked) * 1000:,.0f} ms; committed → last entry left "
        f"{last * 1000:,.0f} ms, answered {answered * 1000:,.0f} ms; "
        f"target {TARGET_SECONDS * 1000:,.0f} ms"
    )


if __name__ == "__main__":
    logger.remove()
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else ACCOUNTS))
