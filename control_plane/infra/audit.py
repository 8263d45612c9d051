"""The audit log: rows that each hold the digest of the one before, so that a change of any of them
shows.

A row is written in the transaction of what it tells. The database refuses to change or delete one;
whoever gets around that cannot make the digests fit again without changing every later row, and
signed checkpoints outside of the database (see `checkpoints`) hold what the later ones were.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar

from sqlalchemy import (
    ARRAY,
    DDL,
    BigInteger,
    Text,
    UniqueConstraint,
    bindparam,
    column,
    event,
    func,
    insert,
    select,
    text,
)
from sqlmodel import Field, SQLModel

from control_plane.infra import events
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Tx, table

PEOPLE = "people"  # the chain of users and administration
GENESIS = "0" * 64
PAGE = 1_000


class AuditRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "audit"
    __table_args__ = (UniqueConstraint("chain", "prev_hash"),)  # no chain forks

    chain: str = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger, primary_key=True)
    prev_hash: str
    hash: str
    body: str = Field(sa_type=Text)


audit = table(AuditRow)

REFUSE_CHANGES: dict[str, tuple[str, ...]] = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'audit rows stay as they are'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'audit rows stay as they are'); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit rows stay as they are'; END $$",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION audit_stays()",
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_stays()",
    ),
}
for _dialect, _statements in REFUSE_CHANGES.items():
    for _statement in _statements:
        _refusal = DDL(_statement)  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
        event.listen(audit, "after_create", _refusal.execute_if(dialect=_dialect))


@dataclass(frozen=True)
class Entry:
    chain: str
    seq: int
    prev_hash: str
    hash: str
    body: str


@dataclass(frozen=True)
class Tail:
    """The newest row of a chain: what its next one refers to, and what a checkpoint signs."""

    chain: str
    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True)
class Broken:
    """The first row that is not as it was written."""

    chain: str
    seq: int
    why: str


def record(
    tx: Tx,
    kind: str,
    subject_kind: str,
    subject_id: str,
    *,
    tenant: str = "",
    chain: str = PEOPLE,
    **body: Any,
) -> None:
    """An event that somebody may have to answer for: also a row of a chain."""
    events.record(tx, kind, subject_kind, subject_id, tenant=tenant, **body)
    append(
        tx,
        chain,
        {
            "at_ms": tx.now_ms(),
            "kind": kind,
            "subject_kind": subject_kind,
            "subject_id": subject_id,
            "tenant": tenant,
            **({"body": body} if body else {}),
        },
    )


def append(tx: Tx, chain: str, *bodies: dict[str, Any]) -> Tail:
    """One row each, in this order, in one statement."""
    return append_all(tx, {chain: bodies})[chain]


def append_at_the_end(tx: Tx, chain: str, body: dict[str, Any]) -> None:
    """For what a transaction may have hundreds of, on many chains."""
    tx.gather((chain, body), _append_gathered)


def _append_gathered(tx: Tx, found: list[tuple[str, dict[str, Any]]]) -> None:
    chains: dict[str, list[dict[str, Any]]] = {}
    for chain, body in found:
        chains.setdefault(chain, []).append(body)
    append_all(tx, chains)


def append_all(tx: Tx, chains: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, Tail]:
    names = sorted(chains)
    if tx.is_postgres:
        # Two at once would both follow the same row; SQLite has one writer anyway.
        tx.run(_LOCK, {"names": [f"audit:{name}" for name in names]})
    ends = _ends(tx, names)
    rows = []
    for name in names:
        for body in chains[name]:
            last, told = ends[name], canonical_json(body)
            seq = last.seq + 1
            hashed = digest(name, seq, last.hash, told)
            rows.append(
                {"chain": name, "seq": seq, "prev_hash": last.hash, "hash": hashed, "body": told}
            )
            ends[name] = Tail(name, seq, hashed)
    tx.run(insert(audit), rows)
    return ends


_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtext(name)) FROM unnest(CAST(:names AS text[])) AS name"
)


def _ends(tx: Tx, names: Sequence[str]) -> dict[str, Tail]:
    """One look into the index for each."""
    if tx.is_postgres:
        array = func.unnest(bindparam(None, list(names), ARRAY(Text)))
        given = array.table_valued(column("value", Text)).render_derived()
    else:
        given = func.json_each(json.dumps(list(names))).table_valued(column("value", Text))
    newest = (
        select(audit.c.seq)
        .where(audit.c.chain == given.c.value)
        .order_by(audit.c.seq.desc())
        .limit(1)
    )
    query = select(
        given.c.value,
        newest.scalar_subquery().label("seq"),
        newest.with_only_columns(audit.c.hash).scalar_subquery().label("hash"),
    )
    found = {row.value: row for row in tx.all(query) if row.seq is not None}
    return {
        name: Tail(name, found[name].seq, found[name].hash) if name in found else Tail(name)
        for name in names
    }


def tail(tx: Tx, chain: str) -> Tail:
    return _ends(tx, [chain])[chain]


def tails(tx: Tx) -> list[Tail]:
    """Chain after chain by the index: there are few of them, and rows by the million."""
    found: list[Tail] = []
    while True:
        query = select(func.min(audit.c.chain))
        if found:
            query = query.where(audit.c.chain > found[-1].chain)
        name = tx.scalar(query)
        if name is None:
            return found
        found.append(tail(tx, name))


def entries(tx: Tx, chain: str) -> Iterator[Entry]:
    """All of them in order, a page at a time."""
    after = -1
    while True:
        query = select(audit).where(audit.c.chain == chain, audit.c.seq > after)
        rows = tx.all(query.order_by(audit.c.seq).limit(PAGE))
        for row in rows:
            yield Entry(row.chain, row.seq, row.prev_hash, row.hash, row.body)
        if len(rows) < PAGE:
            return
        after = rows[-1].seq


def digest(chain: str, seq: int, prev_hash: str, body: str) -> str:
    return sha256("\n".join(("audit1", chain, str(seq), prev_hash, body)).encode()).hexdigest()


def first_broken(chain: str, rows: Iterator[Entry]) -> Broken | Tail:
    """Follow a chain from its beginning: the first row that does not fit, or its end."""
    last = Tail(chain)
    for row in rows:
        if row.seq != last.seq + 1:
            return Broken(chain, last.seq + 1, "it is missing")
        if row.prev_hash != last.hash:
            return Broken(chain, row.seq, "it does not follow the row before it")
        if row.hash != digest(chain, row.seq, row.prev_hash, row.body):
            return Broken(chain, row.seq, "its text was changed")
        last = Tail(chain, row.seq, row.hash)
    return last
