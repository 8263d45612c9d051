"""What containers print and use, written down by the fleet and read by people."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from control_plane.containers.models import Handle, Printed
from control_plane.core.ids import DeploymentId, Shard
from control_plane.deployments.models.measuring import (
    KEPT_MS,
    MINUTE_MS,
    Hint,
    Vital,
    cpus_between,
    hint,
)
from control_plane.deployments.models.status import Status
from control_plane.deployments.store import watching as store
from control_plane.infra.db import Tx

LINES_KEPT = 2_000
RECENT_MS = 2 * MINUTE_MS


@dataclass(frozen=True)
class Living:
    """A generation that runs, and where its recorded output ends."""

    deployment: DeploymentId
    generation: int
    handle: Handle
    printed_ns: int


@dataclass(frozen=True)
class OutputLine:
    number: int
    generation: int
    at_ms: int
    text: str


def living(tx: Tx, shards: Collection[Shard]) -> list[Living]:
    return [
        Living(
            DeploymentId(row.deployment_id),
            row.generation,
            Handle(row.container),
            store.printed_last(tx, row.deployment_id, row.generation),
        )
        for row in store.live(tx, shards)
    ]


def printed_last(tx: Tx, deployment: DeploymentId, generation: int) -> int:
    return store.printed_last(tx, deployment, generation)


def record_output(
    tx: Tx, deployment: DeploymentId, generation: int, lines: Sequence[Printed]
) -> None:
    """Only what is newer than what is there: two lookers may bring the same."""
    last = store.printed_last(tx, deployment, generation)
    rows = [
        {
            "deployment_id": deployment,
            "generation": generation,
            "at_ms": line.at_ns // 1_000_000,
            "at_ns": line.at_ns,
            "text": line.text,
        }
        for line in lines
        if line.at_ns > last
    ]
    if rows:
        store.add_output(tx, rows)
        store.forget_output(tx, deployment, LINES_KEPT)


def output(
    tx: Tx, deployment: DeploymentId, *, after: int | None, grep: str | None, limit: int
) -> list[OutputLine]:
    """Oldest first: what came after a line's number, or the newest lines."""
    rows = store.output(tx, deployment, after=after, grep=grep, limit=limit)
    return [OutputLine(row.id, row.generation, row.at_ms, row.text) for row in rows]


def measure(tx: Tx, shards: Collection[Shard]) -> int:
    """A point of this minute for each deployment that was heard of; how many."""
    now = tx.now_ms()
    minute = now // MINUTE_MS * MINUTE_MS
    heard = {run.deployment_id: run for run in store.heard_since(tx, shards, now - MINUTE_MS)}
    before = store.newest_vitals(tx, heard.keys(), minute - RECENT_MS)
    rows = []
    for deployment, run in heard.items():
        last = before.get(deployment)
        past = None if last is None else (last.run, last.minute_ms, last.cpu_seconds)
        rows.append(
            {
                "deployment_id": deployment,
                "minute_ms": minute,
                "generation": run.generation,
                "run": run.id,
                "cpu_seconds": run.cpu_seconds,
                "cpus": cpus_between(past, (run.id, minute, run.cpu_seconds)),
                "memory_bytes": run.rss_bytes,
                "lag_ms": run.lag_ms,
                "loop_lag_ms": run.loop_lag_ms,
                "waiting": run.waiting,
            }
        )
    if rows:
        store.put_vitals(tx, rows)
    store.forget_vitals(tx, now - KEPT_MS)
    return len(rows)


def vitals(tx: Tx, of: Status) -> tuple[list[Vital], Hint | None]:
    """A day of minutes, and what limits they ask for."""
    points = _points(store.vitals_of(tx, of.id, tx.now_ms() - KEPT_MS))
    found = hint(points, memory_mb=of.memory_mb, cpus=of.cpus, peak_bytes=of.peak_memory_bytes)
    return points, found


def vitals_after(tx: Tx, deployment: DeploymentId, minute_ms: int) -> list[Vital]:
    """Minute by minute, oldest first."""
    return _points(store.vitals_of(tx, deployment, max(minute_ms + 1, tx.now_ms() - KEPT_MS)))


def printed_and_measured(
    tx: Tx, ids: Collection[DeploymentId]
) -> tuple[dict[str, int], dict[str, int]]:
    """The last line's number and the last minute of each."""
    return store.last_printed(tx, ids), store.last_minutes(tx, ids)


def cpus_now(tx: Tx, ids: Collection[DeploymentId]) -> dict[str, float]:
    """What each used in the last minutes."""
    rows = store.newest_vitals(tx, ids, tx.now_ms() - RECENT_MS)
    return {name: row.cpus for name, row in rows.items() if row.cpus is not None}


def _points(rows: Sequence[Row[Any]]) -> list[Vital]:
    return [
        Vital(
            row.minute_ms,
            row.generation,
            row.cpus,
            row.memory_bytes,
            row.lag_ms,
            row.loop_lag_ms,
            row.waiting,
        )
        for row in rows
    ]
