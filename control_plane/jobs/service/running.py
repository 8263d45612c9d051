"""What the fleet reads and records of jobs, each a function inside one transaction."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Row

from control_plane.containers.access import JobRights
from control_plane.containers.models import Handle, Limits
from control_plane.core.ids import JobId, Shard, Tenant, VersionId
from control_plane.infra.bus import Bus
from control_plane.infra.db import Tx
from control_plane.infra.events import record
from control_plane.jobs import store
from control_plane.jobs.models.job import CandlesWish
from control_plane.jobs.models.queue import Waiting
from control_plane.jobs.models.steps import Berth
from control_plane.strategies import service as strategies
from strategy_runtime import wire
from strategy_runtime.wire import jobs as said
from strategy_runtime.wire import names

PIDS = 64


@dataclass(frozen=True)
class Harbour:
    """All that the next steps are made from."""

    berths: list[Berth]
    waiting: list[Waiting]
    running: list[tuple[Tenant, said.Kind]]  # whoever launched them
    served: Mapping[Tenant, int]


@dataclass(frozen=True)
class Asked:
    """A job whose turn it is, before anything of it is made."""

    job: JobId
    tenant: Tenant
    kind: said.Kind
    code_sha256: str
    candles: CandlesWish


@dataclass(frozen=True)
class Opened:
    job: JobId
    attempt: int
    boot: str
    boot_sha256: str
    limits: Limits


@dataclass(frozen=True)
class Granted:
    rights: JobRights
    boot: str
    candles_sha256: str


def look(tx: Tx, shards: Collection[Shard]) -> Harbour:
    now = tx.now_ms()
    rows = store.unsettled(tx, shards)
    waiting = [
        Waiting(JobId(row.id), Tenant(row.tenant), row.kind, row.created_ms)
        for row in rows
        if row.state == "queued" and row.retry_ms <= now
    ]
    return Harbour(
        [_berth(row) for row in rows],
        waiting,
        [(Tenant(row.tenant), row.kind) for row in store.running(tx)],
        {Tenant(tenant): at for tenant, at in store.served(tx).items()} if waiting else {},
    )


def _berth(row: Row[Any]) -> Berth:
    return Berth(
        JobId(row.id),
        row.state,
        row.attempt,
        Handle(row.container) if row.container else None,
        row.started_ms,
        row.seconds,
    )


def alive_of(tx: Tx, jobs: Collection[str]) -> frozenset[tuple[str, int]]:
    """The attempts of these that count, whoever owns their shards."""
    return frozenset((row.id, row.attempt) for row in store.attempts(tx, jobs))


def asked(tx: Tx, job: JobId) -> Asked | None:
    """Nothing if it does not wait any more."""
    row = store.find(tx, job)
    if row is None or row.state != "queued":
        return None
    wish = msgspec.json.decode(row.candles, type=CandlesWish)
    return Asked(job, Tenant(row.tenant), row.kind, row.code_sha256, wish)


def open_attempt(
    tx: Tx, bus: Bus, job: JobId, password_sha256: str, candles_sha256: str
) -> Opened | None:
    """Write the launch down before anything is made. Nothing if it is not wanted any more."""
    row = store.find_whole(tx, job)
    if row is None or row.state != "queued":
        return None
    limits = Limits(row.memory_mb, row.cpus, PIDS)
    task = msgspec.convert(
        {
            **msgspec.json.decode(row.task),
            "job": job,
            "kind": row.kind,
            "code_sha256": row.code_sha256,
            "candles_sha256": candles_sha256,
            "limits": {"memory_mb": limits.memory_mb, "cpus": limits.cpus, "pids": limits.pids},
            "v": wire.VERSION,
        },
        said.Task,
    )
    boot = said.encode(task)
    boot_sha256 = sha256(boot).hexdigest()
    opened = store.move(
        tx,
        job,
        ("queued",),
        row.attempt,
        state="running",
        reason="is being launched",
        attempt=row.attempt + 1,
        run=None,
        container=None,
        started_ms=None,
        progress=0.0,
        said="",
        boot=boot.decode(),
        boot_sha256=boot_sha256,
        password_sha256=password_sha256,
        candles_sha256=candles_sha256,
    )
    if not opened:
        return None
    store.forget_chunks(tx, job)
    if row.kind == "check":
        strategies.note_trial(tx, VersionId(row.subject), strategies.IS_RUN)
    record(tx, "job_launched", "job", job, tenant=row.tenant, attempt=row.attempt + 1)
    tx.after_commit(lambda: bus.hint(names.wake("jobs")))
    return Opened(job, row.attempt + 1, boot.decode(), boot_sha256, limits)


def is_current(tx: Tx, job: JobId, attempt: int) -> bool:
    """Whether this attempt counts still: somebody may have slept in between."""
    row = store.find(tx, job)
    return row is not None and row.state == "running" and row.attempt == attempt


def note_waiting(tx: Tx, shards: Collection[Shard], reason: str) -> None:
    """Whoever waits is told for what."""
    for row in store.unsettled(tx, shards):
        if row.state == "queued" and row.reason != reason:
            store.move(tx, row.id, ("queued",), row.attempt, reason=reason)
            if row.kind == "check":
                strategies.note_trial(tx, VersionId(row.subject), reason)


def record_live(tx: Tx, job: JobId, attempt: int, handle: Handle, launcher: str) -> bool:
    """It runs. False if it was cancelled meanwhile."""
    return store.move(
        tx,
        job,
        ("running",),
        attempt,
        reason="",
        container=handle,
        launcher=launcher,
        started_ms=tx.now_ms(),
    )


def granted(tx: Tx, shards: Collection[Shard]) -> list[Granted]:
    return [
        Granted(JobRights(JobId(row.id), row.password_sha256), row.boot, row.candles_sha256)
        for row in store.boots(tx, shards)
    ]


def known(tx: Tx, shards: Collection[Shard]) -> frozenset[str]:
    return store.ids_of(tx, shards)


def files_in_use(tx: Tx) -> frozenset[str]:
    return store.files_in_use(tx)
