"""The run of a version in the sandbox: who waits for one, and what came of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from control_plane.core.ids import VersionId
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Tx
from control_plane.infra.events import record
from control_plane.strategies import store
from control_plane.strategies.models.findings import MAX_FINDINGS, Finding, first_error
from control_plane.strategies.service.versions import Version, find

IS_RUN = "is run in the sandbox"


def awaiting(tx: Tx, limit: int) -> list[Version]:
    """Versions that read well and that nobody runs yet, the oldest first."""
    return [find(tx, VersionId(row.id)) for row in store.awaiting(tx, limit)]


def claim_trial(tx: Tx, version: VersionId) -> bool:
    """Whether it is the caller who has it run: nobody else will."""
    return store.move_trial(tx, version, "due", "queued", note=IS_RUN)


def note_trial(tx: Tx, version: VersionId, waits_for: str) -> None:
    """Why its run has not begun, or has not ended."""
    store.note(tx, version, waits_for)


def conclude_trial(
    tx: Tx, version: VersionId, findings: Sequence[Finding], figures: Mapping[str, Any]
) -> None:
    """Reading found no error, so what running found is the verdict. One report holds both."""
    found = find(tx, version)
    report = [*found.findings, *findings][:MAX_FINDINGS]
    state = "passed" if first_error(report) is None else "failed"
    concluded = store.move_trial(
        tx,
        version,
        "queued",
        "done",
        state=state,
        note="",
        report=msgspec.json.encode(report).decode(),
        figures=canonical_json(dict(figures)),
    )
    if concluded:
        tell_verdict(tx, version)


def tell_verdict(tx: Tx, version: VersionId) -> None:
    found = find(tx, version)
    count = len(found.findings)
    record(tx, f"version_{found.state}", "version", version, tenant=found.tenant, findings=count)
