"""Who owns which shard of a role's work: lease rows with an epoch that rises with each owner.

The owner stops acting when its own monotonic clock says that the last renewal is too old (the trust
window), well before the row lets anyone else in. The epoch stands in every row that it writes, so a
late write of a former owner is refused. Whoever holds the data folder's exclusive lock takes the
leases of its own predecessor at once. A build takes no shard that a newer one has held.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from loguru import logger
from sqlalchemy import func, select

from control_plane.core.clock import Clock
from control_plane.core.ids import Shard
from control_plane.infra.db import Database, DatabaseUnavailable, Tx
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.lease_rows import (
    Member,
    epochs_in,
    held_in,
    hold,
    holders,
    leases,
    members,
    release,
)

__all__ = ["Leases", "epochs_in", "held_in", "holders", "leases"]

TERM_SECONDS = 15.0
RENEW_SECONDS = 5.0
TRUST_SECONDS = 10.0
# Raised with a change that an older build, working beside this one, would undo or misread.
PROTOCOL = 1


@dataclass
class Leases:
    """One role's hold on its shards, in this process."""

    role: str
    holder: str  # this process
    installation: str  # the data folder whose exclusive lock this process holds, or nothing
    db: Database
    clock: Clock
    failpoints: Failpoints
    scale: float = 1.0
    is_able: Callable[[], bool] = lambda: True  # else others go first
    protocol: int = PROTOCOL
    _wanted: int = 0
    _epochs: dict[Shard, int] = field(default_factory=dict)
    _renewed: float = float("-inf")

    async def run(self) -> None:
        while True:
            await self.once()
            await self.clock.sleep(RENEW_SECONDS * self.scale)

    async def once(self) -> None:
        """Renew what is held, take what is free, give up what others need for a fair share."""
        await self.failpoints.hit("lease.before_renew")
        asked = self.clock.monotonic()
        try:
            held = await self.db.write(hold, self._member(), int(TERM_SECONDS * self.scale * 1000))
        except DatabaseUnavailable as error:
            logger.warning("lease_not_renewed", role=self.role, reason=str(error))
            return

        gained = len(held.epochs.keys() - self._epochs.keys())
        # Dated by when we asked, not by when the answer came: the row's term began in between.
        self._epochs, self._renewed = held.epochs, asked
        if gained:
            logger.info("leases_taken", role=self.role, gained=gained, held=len(held.epochs))
        if held.protocol > max(self.protocol, self._wanted):
            logger.warning("build_too_old", role=self.role, wanted=held.protocol)
        self._wanted = held.protocol
        await self.failpoints.hit("lease.after_acquire")

    async def release(self) -> None:
        """On an ordered stop: let the next owner in at once."""
        self._epochs = {}
        await self.db.write(release, self.role, self.holder)

    def owned(self) -> frozenset[Shard]:
        return frozenset(self._epochs) if self._in_trust() else frozenset()

    @property
    def refusal(self) -> str | None:
        """Why no shard can come to this process any more."""
        if self.protocol >= self._wanted:
            return None
        return (
            f"This build is too old for the role {self.role}: a newer one, of protocol"
            f" {self._wanted}, has had its shards (ours is {self.protocol}). Start that one."
        )

    def epoch(self, shard: Shard) -> int:
        """What to write beside each change; 0 is below every lease."""
        return self._epochs.get(shard, 0)

    def is_trusted(self, shard: Shard) -> bool:
        return shard in self._epochs and self._in_trust()

    def others(self, tx: Tx) -> int:
        """How many live processes beside this one have the role; a predecessor on our data folder
        is none.
        """
        elsewhere = [members.c.holder != self.holder, members.c.expires_ms > tx.now_ms()]
        if self.installation:
            elsewhere.append(members.c.installation != self.installation)
        query = select(func.count()).select_from(members)
        return int(tx.scalar(query.where(members.c.role == self.role, *elsewhere)))

    def _in_trust(self) -> bool:
        return self.clock.monotonic() - self._renewed < TRUST_SECONDS * self.scale

    def _member(self) -> Member:
        return Member(self.role, self.holder, self.installation, self.protocol, self.is_able())
