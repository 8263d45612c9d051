"""What a frame becomes, all of it in one transaction, and how long it is kept."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, delete, insert, select, text, tuple_

from control_plane.core.ids import DeploymentId
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Tx, among
from control_plane.signals.models.settling import Key
from control_plane.signals.store.tables import (
    dead_letters,
    executions,
    inbox,
    log_lines,
    metrics,
    repeats,
    signals,
)

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
