"""The rows of leases and of those who would hold them, and every statement on them."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from sqlalchemy import BigInteger, bindparam, delete, insert, or_, select, update
from sqlmodel import Field, SQLModel

from control_plane.core.ids import SHARDS, Shard
from control_plane.infra.db import Tx, insert_missing, table


class LeaseRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "lease"

    role: str = Field(primary_key=True)
    shard: int = Field(primary_key=True)
    holder: str = ""
    installation: str = ""
    epoch: int = Field(default=0, sa_type=BigInteger)
    expires_ms: int = Field(default=0, sa_type=BigInteger)
    protocol: int = 0  # an older build takes it no more


class MemberRow(SQLModel, table=True):
    """A live process that would take its share, whether or not it holds one yet."""

    __tablename__: ClassVar[str] = "lease_member"

    role: str = Field(primary_key=True)
    holder: str = Field(primary_key=True)
    installation: str = ""
    expires_ms: int = Field(default=0, sa_type=BigInteger)
    protocol: int = 0
    is_able: bool = True


leases = table(LeaseRow)
members = table(MemberRow)


@dataclass(frozen=True)
class Member:
    """A process that would take its share."""

    role: str
    holder: str
    installation: str
    protocol: int
    is_able: bool


@dataclass(frozen=True)
class Held:
    epochs: dict[Shard, int]
    protocol: int  # what a build has to speak to take any more


def hold(tx: Tx, me: Member, term_ms: int) -> Held:
    """Renew what is held, take what is free, give up what others need for a fair share."""
    now = tx.now_ms()
    of_role = {"of_role": me.role}
    rows = {row.shard: row for row in tx.all(_OF_ROLE, of_role)}
    if len(rows) < SHARDS:
        missing = [{"role": me.role, "shard": s} for s in range(SHARDS) if s not in rows]
        tx.run(insert_missing(tx, leases), missing)
        rows = {row.shard: row for row in tx.all(_OF_ROLE, of_role)}

    wanted = max(row.protocol for row in rows.values())
    _register(tx, me, now + term_ms)
    share = _share(tx, me, wanted)
    mine = sorted(s for s, row in rows.items() if row.holder == me.holder)
    keep, surplus = mine[:share], mine[share:]
    free = sorted(
        s
        for s, row in rows.items()
        if row.holder != me.holder
        and (row.expires_ms <= now or (me.installation and row.installation == me.installation))
    )
    take = free[: max(0, share - len(keep))] if me.protocol >= wanted else []

    renewed = tx.run(_RENEW, _term(me, now + term_ms)) if mine else 0
    if not surplus and not take and renewed == len(keep):  # nobody took any meanwhile
        return Held({Shard(shard): rows[shard].epoch for shard in keep}, wanted)
    if surplus:
        tx.run(_GIVE_UP, {**_term(me, now), "of_shards": surplus})
    owner = {
        "to_holder": me.holder,
        "to_installation": me.installation,
        "to_protocol": me.protocol,
        "until": now + term_ms,
    }
    tx.run(_TAKE, [{**owner, **of_role, "of_shard": s, "at_epoch": rows[s].epoch} for s in take])
    held = tx.all(_HELD_NOW, {**of_role, "of_holder": me.holder, "now": now})
    return Held({Shard(row.shard): row.epoch for row in held}, wanted)


def _register(tx: Tx, me: Member, until: int) -> None:
    """Say that we are alive. A predecessor on our data folder is not."""
    ours = {"of_role": me.role, "of_holder": me.holder, "of_installation": me.installation or None}
    tx.run(_FORGET, {**ours, "now": tx.now_ms()})
    tx.run(_JOIN, {**asdict(me), "expires_ms": until})


def _share(tx: Tx, me: Member, wanted: int) -> int:
    """How many shards are ours, of all that live. Whoever cannot do the work leaves it to those who
    can, if there are any; too old a build keeps what it has, until somebody ends it.
    """
    if me.protocol < wanted:
        return SHARDS
    rows = tx.all(_LIVING, {"of_role": me.role, "spoken": wanted})
    able = [row.holder for row in rows if row.is_able] or [row.holder for row in rows]
    return -(-SHARDS // len(able)) if me.holder in able else 0


def release(tx: Tx, role: str, holder: str) -> None:
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
_LIVING = select(members.c.holder, members.c.is_able).where(
    members.c.role == bindparam("of_role"), members.c.protocol >= bindparam("spoken")
)

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
        protocol=bindparam("to_protocol"),
        epoch=leases.c.epoch + 1,
        expires_ms=bindparam("until"),
    )
)


def _term(me: Member, until: int) -> dict[str, Any]:
    return {"of_role": me.role, "of_holder": me.holder, "until": until}


def holders(tx: Tx, role: str) -> dict[Shard, tuple[str, int]]:
    """Who owns each shard of a role now, and since which epoch; nobody's are left out."""
    query = select(leases.c.shard, leases.c.holder, leases.c.epoch).where(
        leases.c.role == role, leases.c.expires_ms > tx.now_ms()
    )
    return {Shard(row.shard): (row.holder, row.epoch) for row in tx.all(query)}
