"""What is kept of jobs that have ended, and for how long; a backtest goes together with its job."""

from dataclasses import dataclass

from loguru import logger

from control_plane.backtests import store
from control_plane.core.clock import Clock
from control_plane.core.ids import Shard
from control_plane.infra.db import Database, Tx
from control_plane.infra.leases import Leases
from control_plane.jobs import service as jobs
from control_plane.settings import JobSettings

EVERY_SECONDS = 600.0
BATCH = 200  # results are large
MOST_BATCHES = 50  # in one round: the writer is wanted elsewhere, too
DAY_MS = 86_400_000
FIRST = Shard(0)  # whoever owns this one tidies up for all


@dataclass(frozen=True)
class Tidier:
    db: Database
    clock: Clock
    leases: Leases
    limits: JobSettings

    async def run(self) -> None:
        while True:
            await self.once()
            await self.clock.sleep(EVERY_SECONDS)

    async def once(self) -> int:
        """How many jobs went."""
        gone = 0
        for _ in range(MOST_BATCHES):
            if not self.leases.is_trusted(FIRST):
                break
            some = await self.db.write(self._forget)
            gone += some
            if some < BATCH:
                break
        if gone:
            logger.info("old_jobs_forgotten", jobs=gone)
        return gone

    def _forget(self, tx: Tx) -> int:
        now, limits = tx.now_ms(), self.limits
        before = now - int(limits.kept_days * DAY_MS)
        results_before = now - int(limits.results_kept_days * DAY_MS)
        gone = jobs.forget(tx, before, results_before, BATCH)
        store.remove_of(tx, gone)
        return len(gone)
