"""Jobs into the queue and out of it again."""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Row

from control_plane.core.ids import JobId, Rng, Tenant, random_id, shard_of
from control_plane.infra.bus import Bus
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Tx
from control_plane.infra.events import record
from control_plane.infra.paging import Asked, Found
from control_plane.jobs import store
from control_plane.jobs.errors import JobOver, NoSuchJob, TooManyJobs
from control_plane.jobs.models.job import OVER, Job, Order
from control_plane.jobs.models.results import unpacked
from control_plane.jobs.service.ending import over
from control_plane.settings import JobSettings
from strategy_runtime.wire import names

FRESH = {
    "fault": "",
    "attempt": 0,
    "retry_ms": 0,
    "boot_sha256": "",
    "password_sha256": "",
    "launcher": "",
    "progress": 0.0,
    "said": "",
    "is_cleared": False,
    "log_tail": "",
}


def add(tx: Tx, bus: Bus, rng: Rng, order: Order, limits: JobSettings) -> JobId:
    """Put it into the queue. Checks always find a place: an upload must not be refused for what
    else its owner has under way.
    """
    if order.kind != "check" and store.count_open(tx, order.tenant) >= limits.most_queued:
        raise TooManyJobs(
            f"{limits.most_queued} jobs of yours wait or run already.",
            remedy="Wait for some of them, or cancel them.",
        )
    identity = JobId(random_id("jb", rng))
    what = {
        "code": order.code,
        "instrument": order.instrument,
        "resolution": order.resolution,
        "resolutions": order.resolutions,
        "lookback": order.lookback,
        "parameters": order.parameters or {},
        "manifest": order.manifest or {},
        "terms": order.terms or {},
        "rules": order.rules or {},
        "search": order.search or {},
    }
    store.add(
        tx,
        {
            "id": identity,
            "tenant": order.tenant,
            "shard": int(shard_of(identity)),
            "kind": order.kind,
            "subject": order.subject,
            "key": order.key,
            "state": "queued",
            "reason": "waits for its turn",
            "task": canonical_json(what),
            "candles": msgspec.json.encode(order.candles).decode(),
            "code_sha256": order.code_sha256,
            "memory_mb": order.memory_mb,
            "cpus": order.cpus,
            "seconds": order.seconds,
            "created_ms": tx.now_ms(),
            **FRESH,
        },
    )
    record(tx, "job_queued", "job", identity, tenant=order.tenant, of=order.kind)
    tx.after_commit(lambda: bus.hint(names.wake("jobs")))
    return identity


def cancel(tx: Tx, bus: Bus, tenant: Tenant, job: str) -> Job:
    """Whichever comes first, this or its result, is how it ended."""
    found = find(tx, job, tenant)
    if found.state in OVER or not over(tx, bus, found.id, None, "cancelled", "cancelled as asked"):
        raise JobOver(f"The job has ended already: it is {find(tx, job, tenant).state}.")
    return find(tx, job, tenant)


def find(tx: Tx, job: str, tenant: Tenant | None = None) -> Job:
    """By its id; somebody else's is not there."""
    row = store.find(tx, job)
    if row is None or (tenant is not None and row.tenant != tenant):
        raise NoSuchJob(f"There is no job {job[:100]!r}.")
    return job_of(row)


def newest_of(tx: Tx, subjects: Collection[str]) -> dict[str, Job]:
    """The newest job for each of these."""
    return {row.subject: job_of(row) for row in store.of_subjects(tx, subjects)}


def listed(tx: Tx, tenant: Tenant | None, asked: Asked) -> Found:
    return store.page_of(tx, tenant, asked)


def headlines(tx: Tx, job_ids: Collection[str]) -> dict[str, Any]:
    return {job: msgspec.json.decode(text) for job, text in store.headlines(tx, job_ids).items()}


def result(tx: Tx, job: str) -> bytes | None:
    """What it handed in, as JSON."""
    row = store.result(tx, job)
    return None if row is None else unpacked(bytes(row.body))


def job_of(row: Row[Any]) -> Job:
    return Job(
        id=JobId(row.id),
        tenant=Tenant(row.tenant),
        kind=row.kind,
        subject=row.subject,
        state=row.state,
        reason=row.reason,
        fault=row.fault,
        progress=row.progress,
        said=row.said,
        attempt=row.attempt,
        code_sha256=row.code_sha256,
        candles_sha256=row.candles_sha256,
        memory_mb=row.memory_mb,
        cpus=row.cpus,
        seconds=row.seconds,
        created_ms=row.created_ms,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
        log_tail=row.log_tail,
    )


def forget(tx: Tx, before_ms: int, results_before_ms: int, limit: int) -> list[str]:
    """Which jobs went: those that ended before, where nothing of them is left but rows."""
    gone = store.ended_before(tx, before_ms, results_before_ms, limit)
    store.remove(tx, gone)
    return gone
