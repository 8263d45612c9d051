"""The one way in which a job ends: from an open state to an end, once, whoever is first.

A check's end is a verdict on its version, in the same transaction.
"""

from collections.abc import Collection
from typing import Any

from control_plane.core.ids import JobId, VersionId
from control_plane.infra.bus import Bus
from control_plane.infra.db import Tx
from control_plane.infra.events import record
from control_plane.jobs import store
from control_plane.jobs.models.job import Fault, State
from control_plane.strategies import service as strategies
from control_plane.strategies.models.findings import Finding
from strategy_runtime.wire import names

OPEN: tuple[State, ...] = ("queued", "running")
RUNNING: tuple[State, ...] = ("running",)


def over(
    tx: Tx,
    bus: Bus,
    job: JobId,
    attempt: int | None,
    state: State,
    reason: str,
    *,
    fault: Fault = "",
    before: Collection[State] = OPEN,
    **values: Any,
) -> bool:
    """False if it had ended before, or if another attempt counts by now."""
    ended = {"task": "{}", "boot": None, "ended_ms": tx.now_ms(), **values}
    if not store.move(tx, job, before, attempt, state=state, reason=reason, fault=fault, **ended):
        return False
    store.forget_chunks(tx, job)
    row = store.find(tx, job)
    assert row is not None
    record(tx, f"job_{state}", "job", job, tenant=row.tenant, of=row.kind, reason=reason)
    if row.kind == "check" and state != "done":
        _not_checked(tx, VersionId(row.subject), state, reason)
    tx.after_commit(lambda: bus.hint(names.wake("jobs")))
    return True


def _not_checked(tx: Tx, version: VersionId, state: State, reason: str) -> None:
    """It ended without a verdict of its own, and that is one."""
    finding = Finding(
        "run",
        f"Run in the sandbox, it came to no end: {reason}.",
        "Upload it again once that is put right, or have it checked again.",
    )
    strategies.conclude_trial(tx, version, [finding], {})
