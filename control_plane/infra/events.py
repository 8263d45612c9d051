"""Every change of state is one numbered row, written in the transaction that makes the change.

Live views resume from the last number they saw. On PostgreSQL numbers are drawn before they commit,
so a lower number can appear after a higher one: a reader that must miss nothing reads a little
behind the newest row and drops repeats.
"""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

import msgspec
from sqlalchemy import BigInteger, Column, Integer, Row, Text, delete, func, insert, select, text
from sqlmodel import Field, SQLModel

from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Tx, table
from control_plane.infra.paging import Asked, Found, page

BigId = BigInteger().with_variant(Integer, "sqlite")


class EventRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "event"

    number: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    at_ms: int = Field(sa_type=BigInteger)
    kind: str = Field(index=True)
    subject_kind: str
    subject_id: str = Field(index=True)
    tenant: str = ""
    body: str = Field(default="{}", sa_type=Text)


events = table(EventRow)
_INSERT = insert(events)

TOLD = ("at_ms", "kind", "subject_kind", "subject_id", "tenant", "body")


def record(
    tx: Tx, kind: str, subject_kind: str, subject_id: str, *, tenant: str = "", **body: Any
) -> None:
    """Write down what happened, in the past tense: `record(tx, "deployment_started", "deployment",
    id, reason=…)`.
    """
    tx.run(_INSERT, _row(tx.now_ms(), kind, subject_kind, subject_id, tenant, body))


def record_many(
    tx: Tx, kind: str, subject_kind: str, rows: list[tuple[str, str, dict[str, Any]]]
) -> None:
    """One batch of (subject, tenant, body): what a fan-out writes for thousands in one
    statement.
    """
    if not rows:
        return
    now = tx.now_ms()
    if tx.is_postgres:  # where COPY is not for everybody
        tx.run(_INSERT, [_row(now, kind, subject_kind, s, t, body) for s, t, body in rows])
        return
    told = [(now, kind, subject_kind, s, t, canonical_json(body)) for s, t, body in rows]
    tx.insert_tuples(events, TOLD, told)


def after(tx: Tx, number: int, limit: int = 500) -> list[dict[str, Any]]:
    query = select(events).where(events.c.number > number).order_by(events.c.number).limit(limit)
    return [{**row._mapping, "body": msgspec.json.decode(row.body)} for row in tx.all(query)]


def latest(tx: Tx, limit: int = 50) -> list[dict[str, Any]]:
    query = select(events).order_by(events.c.number.desc()).limit(limit)
    return [{**row._mapping, "body": msgspec.json.decode(row.body)} for row in tx.all(query)]


def newest(tx: Tx) -> int:
    return int(tx.scalar(select(func.max(events.c.number))) or 0)


def oldest(tx: Tx) -> int | None:
    """The first that is still kept."""
    found = tx.scalar(select(func.min(events.c.number)))
    return None if found is None else int(found)


def between(
    tx: Tx,
    after: int,
    until: int | None,
    limit: int,
    *,
    tenant: str | None = None,
    kinds: Collection[str] = (),
    subject_kinds: Collection[str] = (),
    subject: str | None = None,
) -> Sequence[Row[Any]]:
    """In the order of their numbers, with the body as it is stored."""
    query = select(events).where(events.c.number > after)
    if until is not None:
        query = query.where(events.c.number <= until)
    if tenant is not None:
        query = query.where(events.c.tenant == tenant)
    if kinds:
        query = query.where(events.c.kind.in_(sorted(kinds)))
    if subject_kinds:
        query = query.where(events.c.subject_kind.in_(sorted(subject_kinds)))
    if subject is not None:
        query = query.where(events.c.subject_id == subject)
    return tx.all(query.order_by(events.c.number).limit(limit))


_OLDEST = text("SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)")
_NEXT = text("SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)")


def oldest_transaction(tx: Tx) -> int:
    """The first that still runs on this PostgreSQL; every one before it has ended."""
    return int(tx.scalar(_OLDEST))


def next_transaction(tx: Tx) -> int:
    """None that has begun to write has this number or a higher one."""
    return int(tx.scalar(_NEXT))


def about(tx: Tx, subject_kind: str, subject: str, limit: int = 500) -> list[dict[str, Any]]:
    """All that happened to one thing, oldest first."""
    query = select(events).where(
        events.c.subject_id == subject, events.c.subject_kind == subject_kind
    )
    rows = tx.all(query.order_by(events.c.number).limit(limit))
    return [{**row._mapping, "body": msgspec.json.decode(row.body)} for row in rows]


def forget(tx: Tx, before_ms: int, limit: int) -> int:
    """The oldest ones, as far as they are older than that; how many went. The newest stays, however
    old it is: SQLite goes on counting after it, and no number may be drawn twice.
    """
    oldest = select(events.c.number, events.c.at_ms).order_by(events.c.number).limit(limit)
    last = newest(tx)
    old = [r.number for r in tx.all(oldest) if r.at_ms < before_ms and r.number != last]
    return tx.run(delete(events).where(events.c.number.in_(old))) if old else 0


def page_of(tx: Tx, tenant: str, asked: Asked) -> Found:
    """What happened to this tenant's things, newest first."""
    query = select(events).where(events.c.tenant == tenant)
    return page(tx, query, (events.c.at_ms, events.c.number), asked)


def page_about(tx: Tx, tenant: str, subject_kind: str, subject: str | None, asked: Asked) -> Found:
    """What happened to one thing, or to all of a kind, newest first."""
    query = select(events).where(events.c.tenant == tenant, events.c.subject_kind == subject_kind)
    if subject is not None:
        query = query.where(events.c.subject_id == subject)
    return page(tx, query, (events.c.at_ms, events.c.number), asked)


def _row(
    now: int, kind: str, subject_kind: str, subject_id: str, tenant: str, body: dict[str, Any]
) -> dict[str, Any]:
    return {
        "at_ms": now,
        "kind": kind,
        "subject_kind": subject_kind,
        "subject_id": subject_id,
        "tenant": tenant,
        "body": canonical_json(body),
    }
