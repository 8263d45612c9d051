"""How the fleet records that an attempt of a job is over, and whether there will be another."""

from control_plane.core.ids import JobId, VersionId
from control_plane.infra.bus import Bus
from control_plane.infra.db import Tx
from control_plane.jobs import store
from control_plane.jobs.models.job import Fault
from control_plane.jobs.service.ending import RUNNING, over
from control_plane.strategies import service as strategies

MOST_ATTEMPTS = 4  # of a job that ends for reasons that are not its own
FIRST_RETRY_MS = 2_000
LONGEST_RETRY_MS = 60_000


def put_back(tx: Tx, bus: Bus, job: JobId, attempt: int, reason: str, *, patient: bool) -> None:
    """Into the queue again, a little later; too often, and it has failed. A check waits as long as
    it must for what only a person can bring about (`patient`).
    """
    row = store.find(tx, job)
    if row is None:
        return
    waits = row.kind == "check" and patient
    if attempt >= MOST_ATTEMPTS and not waits:
        over(tx, bus, job, attempt, "failed", reason, fault="platform")
        return
    pause = min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** min(attempt, 10))
    moved = store.move(
        tx,
        job,
        ("queued", "running"),
        attempt,
        state="queued",
        reason=reason,
        attempt=attempt + (row.state == "queued"),
        retry_ms=tx.now_ms() + pause,
        run=None,
        container=None,
        started_ms=None,
        boot=None,
    )
    if moved:
        store.forget_chunks(tx, job)
        if row.kind == "check":
            strategies.note_trial(tx, VersionId(row.subject), reason)


def record_end(
    tx: Tx, bus: Bus, job: JobId, attempt: int, reason: str, fault: Fault, log_tail: str
) -> None:
    """Its process has ended, or was ended, before a result was there."""
    if fault == "platform":
        put_back(tx, bus, job, attempt, reason, patient=False)
        return
    over(
        tx,
        bus,
        job,
        attempt,
        "failed",
        reason,
        fault=fault,
        before=RUNNING,
        log_tail=log_tail,
    )


def refuse(tx: Tx, bus: Bus, job: JobId, reason: str) -> None:
    """It cannot be launched as it is, and that will not change by waiting."""
    over(tx, bus, job, None, "failed", reason, fault="platform")


def record_cleared(tx: Tx, job: JobId) -> None:
    store.move(tx, job, ("done", "failed", "cancelled"), None, is_cleared=True)


def limits_of(tx: Tx, job: JobId) -> tuple[int, int]:
    """The memory in MB and the seconds that it has."""
    row = store.find(tx, job)
    return (0, 0) if row is None else (row.memory_mb, row.seconds)
