"""Follows the audit log once a day, while the process runs: whoever changed a row is found out
without anybody having to think of `slipway audit verify`.
"""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from loguru import logger

from control_plane.core.clock import Clock
from control_plane.infra import checkpoints, events
from control_plane.infra.audit import Broken
from control_plane.infra.db import Database, Tx

FIRST_SECONDS = 300.0  # a start has better things to do
EVERY_SECONDS = 24 * 3_600.0
CHECKPOINTS = "checkpoints"


@dataclass
class Verification:
    db: Database
    clock: Clock
    folder: Path
    key: Ed25519PublicKey
    _told: set[Broken] = field(default_factory=set)

    async def run(self) -> None:
        await self.clock.sleep(FIRST_SECONDS)
        while True:
            await self.once()
            await self.clock.sleep(EVERY_SECONDS)

    async def once(self) -> Broken | None:
        """The first row that is not as it was written; told once while it stays the first."""
        broken, looked = await self._look()
        if broken is None:
            logger.info("audit_verified", rows=looked)
            return None
        logger.error("audit_broken", chain=broken.chain, seq=broken.seq, why=broken.why)
        if broken not in self._told:
            self._told.add(broken)
            await self.db.write(_tell, broken)
        return broken

    async def _look(self) -> tuple[Broken | None, int]:
        found = checkpoints.read(self.folder / checkpoints.FILE)
        number = checkpoints.forged(found, self.key)
        if number is not None:
            return Broken(CHECKPOINTS, number, "it is not signed by us, or one is missing"), 0
        return await self.db.read(checkpoints.verify, found)


def _tell(tx: Tx, broken: Broken) -> None:
    events.record(tx, "incident", "audit", broken.chain, seq=broken.seq, error=broken.why)
