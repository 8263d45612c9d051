"""What is kept, and for how long: decisions, signals that nobody acted on, skips and events go
after a while; orders, fills, trades, their ledger and the audit log stay for good.
"""

from dataclasses import dataclass

from loguru import logger

from control_plane.core.ids import Shard
from control_plane.infra import events
from control_plane.infra.db import Tx
from control_plane.orders.service.desk import Desk
from control_plane.orders.store import replies
from control_plane.orders.store import tidying as store
from control_plane.signals.service import tidying as signals

EVERY_SECONDS = 600.0
BATCH = 1_000  # rows of a kind in one transaction
MOST_BATCHES = 100  # in one round: the writer is wanted elsewhere, too
DAY_MS = 86_400_000
FIRST = Shard(0)  # whoever owns this one tidies up for all


@dataclass(frozen=True)
class Tidier:
    desk: Desk

    async def run(self) -> None:
        while True:
            await self.once()
            await self.desk.clock.sleep(EVERY_SECONDS)

    async def once(self) -> int:
        """How many rows went."""
        gone = 0
        for _ in range(MOST_BATCHES):
            if not self.desk.leases.is_trusted(FIRST):
                break
            some = await self.desk.db.write(self._forget)
            gone += some
            if some < BATCH:
                break
        if gone:
            logger.info("old_rows_forgotten", rows=gone)
        return gone

    def _forget(self, tx: Tx) -> int:
        before = self.desk.now_ms() - int(self.desk.settings.kept_days * DAY_MS)
        idle = store.signals_without_intents(tx, before, BATCH)
        gone = store.forget_plans(tx, idle) + signals.forget_signals(tx, idle)
        gone += store.forget_skips(tx, before, BATCH) + store.forget_strays(tx, before, BATCH)
        gone += signals.forget_decisions(tx, before, BATCH)
        answered = self.desk.now_ms() - int(self.desk.settings.replies_kept_days * DAY_MS)
        gone += replies.forget(tx, answered, BATCH)
        return gone + events.forget(tx, before, BATCH)
