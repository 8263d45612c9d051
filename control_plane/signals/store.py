"""Executions, signals, the inbox that makes a repeat harmless, and what authors log."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    Integer,
    Row,
    Select,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    text,
    tuple_,
    update,
)
from sqlmodel import Field, SQLModel

from control_plane.core.ids import (
    DeploymentId,
    InstrumentId,
    Shard,
    SignalId,
    Tenant,
)
from control_plane.infra.db import Money, Tx, among, table
from control_plane.infra.events import canonical_json
from control_plane.infra.paging import Asked, Found, page
from control_plane.signals.models.settling import Key
from control_plane.signals.models.stored import StoredSignal


class ExecutionRow(SQLModel, table=True):
    """One trigger, one decision: the first committed is final."""

    __tablename__: ClassVar[str] = "execution"

    deployment_id: str = Field(primary_key=True)
    trigger: str = Field(primary_key=True)
    trigger_open_ms: int = Field(sa_type=BigInteger)
    generation: int
    run: str
    n: int = Field(sa_type=BigInteger)
    outcome: str
    body_sha256: str
    took_us: int = Field(sa_type=BigInteger)
    published_ms: int = Field(sa_type=BigInteger)
    decided_ms: int = Field(sa_type=BigInteger)
    committed_ms: int = Field(sa_type=BigInteger)
    error: str | None = Field(default=None, sa_type=Text)
    shard: int
    epoch: int = Field(default=0, sa_type=BigInteger)


class RepeatRow(SQLModel, table=True):
    """A later execution of a trigger that was decided already: kept and compared, never planned."""

    __tablename__: ClassVar[str] = "execution_repeat"

    deployment_id: str = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    run: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)
    trigger: str
    same: bool
    body: str = Field(sa_type=Text)
    seen_ms: int = Field(sa_type=BigInteger)


class InboxRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "inbox"

    deployment_id: str = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    run: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)
    outcome: str  # committed | repeated | refused
    seen_ms: int = Field(sa_type=BigInteger)


class SignalRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "signal"
    __table_args__ = (
        UniqueConstraint("deployment_id", "instrument", "trigger", "kind"),
        CheckConstraint("kind IN ('entry','exit')", name="kind_known"),
        Index("ix_signal_state", "shard", "state"),
    )

    id: str = Field(primary_key=True)
    deployment_id: str = Field(index=True)
    tenant: str = ""
    shard: int
    instrument: str
    trigger: str
    trigger_open_ms: int = Field(sa_type=BigInteger)
    generation: int
    kind: str  # entry | exit
    action: str  # LONG | SHORT | EXIT_LONG | EXIT_SHORT
    price: Decimal = Field(sa_type=Money)
    stop_loss: Decimal | None = Field(default=None, sa_type=Money)
    take_profit: Decimal | None = Field(default=None, sa_type=Money)
    reason: str = ""
    state: str = "accepted"  # accepted → planned | refused
    refusal: str | None = None
    seed: int = Field(default=0, sa_type=BigInteger)  # the order across accounts is shuffled by it
    published_ms: int = Field(sa_type=BigInteger)  # of the candle that it was decided on
    decided_ms: int = Field(sa_type=BigInteger)
    accepted_ms: int = Field(sa_type=BigInteger)
    planned_ms: int | None = Field(default=None, sa_type=BigInteger)


class DeadLetterRow(SQLModel, table=True):
    """A frame that was no message of ours, or not one its sender may send."""

    __tablename__: ClassVar[str] = "dead_letter"

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    deployment_id: str = Field(index=True)
    generation: int
    reason: str
    frame: str = Field(sa_type=Text)  # cut to 2 KB, control characters escaped
    seen_ms: int = Field(sa_type=BigInteger)


class LogLineRow(SQLModel, table=True):
    """An author's line; bounded per deployment by the store."""

    __tablename__: ClassVar[str] = "log_line"

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    deployment_id: str = Field(index=True)
    generation: int
    at_ms: int = Field(sa_type=BigInteger)
    level: str
    text: str = Field(sa_type=Text)


class MetricRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "metric"

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    deployment_id: str = Field(index=True)
    generation: int
    at_ms: int = Field(sa_type=BigInteger)
    name: str
    value: float


executions = table(ExecutionRow)
repeats = table(RepeatRow)
inbox = table(InboxRow)
signals = table(SignalRow)
dead_letters = table(DeadLetterRow)
log_lines = table(LogLineRow)
metrics = table(MetricRow)

# ---- intake --------------------------------------------------------------------------------------


# Both databases join the few keys that are asked for with the primary key; a list of row values
# would make SQLite read the whole table. Built once: putting a statement together costs as much as
# running it.
_TRIGGERS_SQLITE = "FROM json_each(:triggers) AS asked JOIN"
_FRAMES_SQLITE = "FROM json_each(:frames) AS asked JOIN"
_TRIGGERS_POSTGRES = "FROM jsonb_array_elements(CAST(:triggers AS jsonb)) AS asked(value) JOIN"
_FRAMES_POSTGRES = "FROM jsonb_array_elements(CAST(:frames AS jsonb)) AS asked(value) JOIN"
_KNOWN_SQLITE = text(
    f"""SELECT e.deployment_id AS ship, e."trigger" AS said, e.body_sha256 AS digest,
    0 AS generation, 0 AS n {_TRIGGERS_SQLITE} execution AS e
    ON e.deployment_id = json_extract(asked.value, '$[0]')
    AND e."trigger" = json_extract(asked.value, '$[1]')
    UNION ALL SELECT i.deployment_id, i.run, NULL, i.generation, i.n {_FRAMES_SQLITE} inbox AS i
    ON i.deployment_id = json_extract(asked.value, '$[0]')
    AND i.generation = json_extract(asked.value, '$[1]')
    AND i.run = json_extract(asked.value, '$[2]') AND i.n = json_extract(asked.value, '$[3]')"""
)
_KNOWN_POSTGRES = text(
    f"""SELECT e.deployment_id AS ship, e."trigger" AS said, e.body_sha256 AS digest,
    0 AS generation, 0 AS n {_TRIGGERS_POSTGRES} execution AS e
    ON e.deployment_id = asked.value->>0 AND e."trigger" = asked.value->>1
    UNION ALL SELECT i.deployment_id, i.run, NULL, i.generation, i.n {_FRAMES_POSTGRES} inbox AS i
    ON i.deployment_id = asked.value->>0 AND i.generation = CAST(asked.value->>1 AS integer)
    AND i.run = asked.value->>2 AND i.n = CAST(asked.value->>3 AS bigint)"""
)
_INSERTS = {
    into: insert(into)
    for into in (executions, repeats, inbox, signals, dead_letters, log_lines, metrics)
}


def known(
    tx: Tx, triggers: Collection[tuple[DeploymentId, str]], frames: Collection[Key]
) -> tuple[dict[tuple[DeploymentId, str], str], set[Key]]:
    """The body hashes of the decisions that these triggers already have, and which of the frames
    were settled before; in one round trip.
    """
    rows = tx.all(
        _KNOWN_POSTGRES if tx.is_postgres else _KNOWN_SQLITE,
        {"triggers": canonical_json(sorted(triggers)), "frames": canonical_json(sorted(frames))},
    )
    decided = {(DeploymentId(r.ship), r.said): r.digest for r in rows if r.digest is not None}
    seen = {(DeploymentId(r.ship), r.generation, r.said, r.n) for r in rows if r.digest is None}
    return decided, seen


def add(tx: Tx, into: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows and not tx.is_postgres:
        # Past the compiler, which costs as much as the disk does here.
        names = tuple(rows[0])
        tx.insert_tuples(into, names, [tuple(map(row.__getitem__, names)) for row in rows])
        return
    tx.run(_INSERTS[into], rows)


def forget(tx: Tx, of: Table, deployment: str, keep: int) -> None:
    """All but the newest rows of one deployment."""
    age = (of.c.id,) if "id" in of.c else (of.c.seen_ms,)
    edge = (
        select(*age)
        .where(of.c.deployment_id == deployment)
        .order_by(age[0].desc())
        .limit(1)
        .offset(keep)
        .scalar_subquery()
    )
    tx.run(delete(of).where(of.c.deployment_id == deployment, age[0] <= edge))


def forget_decisions(tx: Tx, before_ms: int, limit: int) -> int:
    """So many of each kind that are older than that."""
    gone = 0
    for of, at in (
        (executions, executions.c.committed_ms),
        (repeats, repeats.c.seen_ms),
        (inbox, inbox.c.seen_ms),
    ):
        key = tuple(of.primary_key.columns)
        old = select(*key).where(at < before_ms).limit(limit)
        gone += tx.run(delete(of).where(tuple_(*key).in_(old)))
    return gone


def forget_signals(tx: Tx, identities: Sequence[str]) -> int:
    return tx.run(delete(signals).where(among(tx, signals.c.id, identities)))


# ---- signals -------------------------------------------------------------------------------------


def accepted(tx: Tx, shards: Collection[Shard], limit: int) -> list[StoredSignal]:
    """In the order in which they were accepted, and of one trigger the exit first."""
    query = (
        select(signals)
        .where(signals.c.state == "accepted", signals.c.shard.in_(sorted(shards)))
        .order_by(signals.c.accepted_ms, signals.c.trigger_open_ms, signals.c.kind.desc())
        .limit(limit)
    )
    return [_signal(row) for row in tx.all(query)]


def close_signal(tx: Tx, identity: SignalId, state: str, refusal: str | None) -> bool:
    """Only once: whoever comes second changes nothing."""
    return bool(
        tx.run(
            update(signals)
            .where(signals.c.id == identity, signals.c.state == "accepted")
            .values(state=state, refusal=refusal, planned_ms=tx.now_ms())
        )
    )


def signal(tx: Tx, identity: SignalId) -> StoredSignal | None:
    row = tx.first(select(signals).where(signals.c.id == identity))
    return None if row is None else _signal(row)


def newest_signals(tx: Tx, tenant: str | None, limit: int) -> list[StoredSignal]:
    query = select(signals)
    if tenant is not None:
        query = query.where(signals.c.tenant == tenant)
    query = query.order_by(signals.c.accepted_ms.desc(), signals.c.id).limit(limit)
    return [_signal(row) for row in tx.all(query)]


def execution_counts(tx: Tx, deployments: Collection[str] | None) -> Sequence[Row[Any]]:
    query: Select[Any] = select(
        executions.c.deployment_id,
        executions.c.outcome,
        func.count().label("number"),
        func.max(executions.c.committed_ms).label("newest_ms"),
    ).group_by(executions.c.deployment_id, executions.c.outcome)
    if deployments is not None:
        query = query.where(executions.c.deployment_id.in_(sorted(deployments)))
    return tx.all(query)


def signal_counts(tx: Tx, tenant: str | None) -> dict[str, int]:
    query: Select[Any] = select(signals.c.state, func.count().label("number")).group_by(
        signals.c.state
    )
    if tenant is not None:
        query = query.where(signals.c.tenant == tenant)
    return {row.state: row.number for row in tx.all(query)}


def newest_letters(tx: Tx, deployment: str, limit: int) -> Sequence[Row[Any]]:
    query = select(dead_letters).where(dead_letters.c.deployment_id == deployment)
    return tx.all(query.order_by(dead_letters.c.id.desc()).limit(limit))


# ---- lists, newest first -------------------------------------------------------------------------


def signals_page(tx: Tx, tenant: str, asked: Asked) -> Found:
    query = select(signals).where(signals.c.tenant == tenant)
    return page(tx, query, (signals.c.accepted_ms, signals.c.id), asked)


def signal_of(tx: Tx, tenant: str, identity: str) -> Row[Any] | None:
    return tx.first(select(signals).where(signals.c.id == identity, signals.c.tenant == tenant))


def executions_page(tx: Tx, deployment: str, asked: Asked) -> Found:
    query = select(executions).where(executions.c.deployment_id == deployment)
    return page(tx, query, (executions.c.committed_ms, executions.c.trigger), asked)


def newest_executions(tx: Tx, deployment: str, limit: int) -> Sequence[Row[Any]]:
    query = select(executions).where(executions.c.deployment_id == deployment)
    return tx.all(query.order_by(executions.c.trigger_open_ms.desc()).limit(limit))


def signals_on(tx: Tx, deployment: str, triggers: Collection[str]) -> Sequence[Row[Any]]:
    """Of these triggers, the exit of each before its entry."""
    if not triggers:
        return []
    query = select(signals).where(
        signals.c.deployment_id == deployment, signals.c.trigger.in_(sorted(triggers))
    )
    return tx.all(query.order_by(signals.c.trigger, signals.c.kind.desc()))


def log_lines_page(tx: Tx, deployment: str, asked: Asked) -> Found:
    query = select(log_lines).where(log_lines.c.deployment_id == deployment)
    return page(tx, query, (log_lines.c.at_ms, log_lines.c.id), asked)


def log_lines_of(
    tx: Tx, deployment: str, *, after: int | None, grep: str | None, limit: int
) -> Sequence[Row[Any]]:
    """Oldest first: those after a number, or the newest."""
    query = select(log_lines).where(log_lines.c.deployment_id == deployment)
    if grep:
        query = query.where(log_lines.c.text.icontains(grep, autoescape=True))
    if after is not None:
        return tx.all(query.where(log_lines.c.id > after).order_by(log_lines.c.id).limit(limit))
    return tx.all(query.order_by(log_lines.c.id.desc()).limit(limit))[::-1]


def last_lines(tx: Tx, deployments: Collection[str]) -> dict[str, int]:
    query = (
        select(log_lines.c.deployment_id, func.max(log_lines.c.id).label("id"))
        .where(log_lines.c.deployment_id.in_(sorted(deployments)))
        .group_by(log_lines.c.deployment_id)
    )
    return {row.deployment_id: row.id for row in tx.all(query)}


def signals_of_each(tx: Tx, deployments: Collection[str]) -> dict[str, int]:
    query = (
        select(signals.c.deployment_id, func.count().label("number"))
        .where(signals.c.deployment_id.in_(sorted(deployments)))
        .group_by(signals.c.deployment_id)
    )
    return {row.deployment_id: row.number for row in tx.all(query)}


def signal_count(tx: Tx) -> int:
    return int(tx.scalar(select(func.count()).select_from(signals)))


def _signal(row: Row[Any]) -> StoredSignal:
    return StoredSignal(
        id=SignalId(row.id),
        deployment=DeploymentId(row.deployment_id),
        tenant=Tenant(row.tenant),
        shard=Shard(row.shard),
        instrument=InstrumentId(row.instrument),
        trigger=row.trigger,
        trigger_open_ms=row.trigger_open_ms,
        generation=row.generation,
        kind=row.kind,
        action=row.action,
        price=row.price,
        stop_loss=row.stop_loss,
        take_profit=row.take_profit,
        reason=row.reason,
        state=row.state,
        refusal=row.refusal,
        seed=row.seed,
        published_ms=row.published_ms,
        decided_ms=row.decided_ms,
        accepted_ms=row.accepted_ms,
        planned_ms=row.planned_ms,
    )
