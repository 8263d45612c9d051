"""Who owns which shard of a role's work: lease rows with an epoch that rises with each owner.

The owner stops acting when its own monotonic clock says that the last renewal is too old (the trust
window), well before the row lets anyone else in. The epoch stands in every row that it writes, so a
late write of a former owner is refused. Whoever holds the data folder's exclusive lock takes the
leases of its own predecessor at once.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, ClassVar

from loguru import logger
from sqlalchemy import BigInteger, bindparam, delete, func, insert, or_, select, update
from sqlmodel import Field, SQLModel

from control_plane.core.clock import Clock
from control_plane.core.ids import SHARDS, Shard
from control_plane.infra.db import Database, DatabaseUnavailable, Tx, insert_missing, table
from control_plane.infra.failpoints import Failpoints

TERM_SECONDS = 15.0
RENEW_SECONDS = 5.0
TRUST_SECONDS = 10.0


class LeaseRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "lease"

    role: str = Field(primary_key=True)
    shard: int = Field(primary_key=True)
    holder: str = ""
    installation: str = ""
    epoch: int = Field(default=0, sa_type=BigInteger)
    expires_ms: int = Field(default=0, sa_type=BigInteger)


class MemberRow(SQLModel, table=True):
    """A live process that would take its share, whether or not it holds one yet."""

    __tablename__: ClassVar[str] = "lease_member"

    role: str = Field(primary_key=True)
    holder: str = Field(primary_key=True)
    installation: str = ""
    expires_ms: int = Field(default=0, sa_type=BigInteger)


leases = table(LeaseRow)
members = table(MemberRow)


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
            epochs = await self.db.write(
                _hold,
                self.role,
                self.holder,
                self.installation,
                int(TERM_SECONDS * self.scale * 1000),
            )
        except DatabaseUnavailable as error:
            logger.warning("lease_not_renewed", role=self.role, reason=str(error))
            return

        gained = len(epochs.keys() - self._epochs.keys())
        # Dated by when we asked, not by when the answer came: the row's term began in between.
        self._epochs, self._renewed = epochs, asked
        if gained:
            logger.info("leases_taken", role=self.role, gained=gained, held=len(epochs))
        await self.failpoints.hit("lease.after_acquire")

    async def release(self) -> None:
        """On an ordered stop: let the next owner in at once."""
        self._epochs = {}
        await self.db.write(_release, self.role, self.holder)

    def owned(self) -> frozenset[Shard]:
        return frozenset(self._epochs) if self._in_trust() else frozenset()

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


def _hold(tx: Tx, role: str, holder: str, installation: str, term_ms: int) -> dict[Shard, int]:
    now = tx.now_ms()
    rows = {row.shard: row for row in tx.all(_OF_ROLE, {"of_role": role})}
    if len(rows) < SHARDS:
        missing = [{"role": role, "shard": s} for s in range(SHARDS) if s not in rows]
        tx.run(insert_missing(tx, leases), missing)
        rows = {row.shard: row for row in tx.all(_OF_ROLE, {"of_role": role})}

    alive = _register(tx, role, holder, installation, now + term_ms)
    share = -(-SHARDS // alive)
    mine = sorted(s for s, row in rows.items() if row.holder == holder)
    keep, surplus = mine[:share], mine[share:]
    free = sorted(
        s
        for s, row in rows.items()
        if row.holder != holder
        and (row.expires_ms <= now or (installation and row.installation == installation))
    )
    take = free[: max(0, share - len(keep))]

    renewed = tx.run(_RENEW, _term(role, holder, now + term_ms))
    if not surplus and not take and renewed == len(keep):
        return {Shard(shard): rows[shard].epoch for shard in keep}  # nobody took any meanwhile
    if surplus:
        tx.run(_GIVE_UP, {**_term(role, holder, now), "of_shards": surplus})
    owner = {"to_holder": holder, "to_installation": installation, "until": now + term_ms}
    tx.run(
        _TAKE,
        [{**owner, "of_role": role, "of_shard": s, "at_epoch": rows[s].epoch} for s in take],
    )
    held = tx.all(_HELD_NOW, {"of_role": role, "of_holder": holder, "now": now})
    return {Shard(row.shard): row.epoch for row in held}


def _register(tx: Tx, role: str, holder: str, installation: str, until: int) -> int:
    """Say that we are alive; how many are. A predecessor on our data folder is not."""
    me = {"of_role": role, "of_holder": holder, "of_installation": installation or None}
    tx.run(_FORGET, {**me, "now": tx.now_ms()})
    tx.run(
        _JOIN,
        {"role": role, "holder": holder, "installation": installation, "expires_ms": until},
    )
    return int(tx.scalar(_ALIVE, {"of_role": role}))


def _release(tx: Tx, role: str, holder: str) -> None:
    tx.run(delete(members).where(members.c.role == role, members.c.holder == holder))
    tx.run(
        update(leases)
        .where(leases.c.role == role, leases.c.holder == holder)
        .values(expires_ms=tx.now_ms())
    )


def held_in(tx: Tx, role: str, shard: Shard, holder: str, epoch: int) -> bool:
    """Whether this owner's lease stands, asked inside the transaction whose effect depends on
    it.
    """
    query = select(leases.c.shard).where(
        leases.c.role == role,
        leases.c.shard == int(shard),
        leases.c.holder == holder,
        leases.c.epoch == epoch,
        leases.c.expires_ms > tx.now_ms(),
    )
    return tx.first(query) is not None


# Shared with nobody who would take it over: on PostgreSQL a lease that was seen here stands until
# the transaction ends. SQLite has one writer anyway.
_HELD = (
    select(leases.c.shard, leases.c.epoch)
    .where(
        leases.c.role == bindparam("of_role"),
        leases.c.shard.in_(bindparam("of_shards", expanding=True)),
        leases.c.holder == bindparam("of_holder"),
        leases.c.expires_ms > bindparam("now"),
    )
    .order_by(leases.c.shard)
    .with_for_update(read=True)
)


def epochs_in(
    tx: Tx, role: str, holder: str, shards: Collection[Shard], now_ms: int
) -> dict[Shard, int]:
    """Which of these shards this owner holds, asked inside the transaction whose effect depends on
    it, by the database's time there.
    """
    asked = {"of_role": role, "of_shards": sorted(shards), "of_holder": holder}
    rows = tx.all(_HELD, {**asked, "now": now_ms})
    return {Shard(row.shard): row.epoch for row in rows}


# Put together once: every process asks them every few seconds.
_OF_ROLE = select(leases).where(leases.c.role == bindparam("of_role"))
_HELD_NOW = select(leases.c.shard, leases.c.epoch).where(
    leases.c.role == bindparam("of_role"),
    leases.c.holder == bindparam("of_holder"),
    leases.c.expires_ms > bindparam("now"),
)
_RENEW = (
    update(leases)
    .where(leases.c.role == bindparam("of_role"), leases.c.holder == bindparam("of_holder"))
    .values(expires_ms=bindparam("until"))
)
_GIVE_UP = _RENEW.where(leases.c.shard.in_(bindparam("of_shards", expanding=True)))
_FORGET = delete(members).where(
    members.c.role == bindparam("of_role"),
    or_(
        members.c.expires_ms <= bindparam("now"),
        members.c.holder == bindparam("of_holder"),
        members.c.installation == bindparam("of_installation"),
    ),
)
_JOIN = insert(members)
_ALIVE = select(func.count()).where(members.c.role == bindparam("of_role"))

_TAKE = (
    update(leases)
    .where(
        leases.c.role == bindparam("of_role"),
        leases.c.shard == bindparam("of_shard"),
        leases.c.epoch == bindparam("at_epoch"),
    )
    .values(
        holder=bindparam("to_holder"),
        installation=bindparam("to_installation"),
        epoch=leases.c.epoch + 1,
        expires_ms=bindparam("until"),
    )
)


def _term(role: str, holder: str, until: int) -> dict[str, Any]:
    return {"of_role": role, "of_holder": holder, "until": until}


def holders(tx: Tx, role: str) -> dict[Shard, tuple[str, int]]:
    """Who owns each shard of a role now, and since which epoch; nobody's are left out."""
    query = select(leases.c.shard, leases.c.holder, leases.c.epoch).where(
        leases.c.role == role, leases.c.expires_ms > tx.now_ms()
    )
    return {Shard(row.shard): (row.holder, row.epoch) for row in tx.all(query)}
