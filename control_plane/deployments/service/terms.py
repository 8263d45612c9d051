"""What a deployment begins with, and what its fields may be."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from control_plane.core.ids import Tenant
from control_plane.deployments.errors import BadDeployment, WrongState
from control_plane.deployments.models.status import MAX_NAME, MOST_LEVERAGE, Change, Status
from control_plane.deployments.store import asking
from control_plane.infra.db import Tx
from control_plane.strategies.models.outline import resolve
from control_plane.strategies.service import Version
from strategy_runtime.wire.resolutions import RESOLUTIONS

COUNTERS: Mapping[str, Any] = {
    "generation": 0,
    "active_generation": 0,
    "last_trigger_open_ms": -1,
    "position": "{}",
    "failing": 0,
    "revision": 1,
    "restarts": 0,
    "failures": 0,
    "counted_from_ms": 0,
    "retry_ms": 0,
    "version": 0,
}


def forgiven(tx: Tx) -> dict[str, Any]:
    now = tx.now_ms()
    return {
        "observed": "pending",
        "reason": "waits to be launched",
        "observed_ms": now,
        "failures": 0,
        "retry_ms": 0,
        "counted_from_ms": now,
        "failing": 0,
    }


def free_name(tx: Tx, tenant: Tenant, given: str | None, default: str) -> str:
    name = (given if given is not None else default[: MAX_NAME - 4]).strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise BadDeployment(f"A name has 1 to {MAX_NAME} printable characters.", field="name")
    if asking.find_named(tx, tenant, name) is None:
        return name
    if given is not None:
        raise WrongState(f"There is a deployment {name!r} already.", field="name")
    return next(
        numbered
        for number in range(2, 10_000)
        if asking.find_named(tx, tenant, numbered := f"{name} {number}") is None
    )


def known_resolution(text: str) -> str:
    if text not in RESOLUTIONS:
        raise BadDeployment(
            f"{text[:20]!r} is no resolution.",
            field="resolution",
            remedy=f"Use one of {', '.join(RESOLUTIONS)}.",
        )
    return text


def known_leverage(most: Decimal | None) -> Decimal | None:
    if most is not None and not (most.is_finite() and 1 <= most <= MOST_LEVERAGE):
        raise BadDeployment(
            "The most leverage of a deployment is no number that it can be.",
            field="max_leverage",
            remedy=f"Give 1 to {MOST_LEVERAGE}, or leave it out.",
        )
    return most


def parameters_after(version: Version, found: Status, change: Change) -> dict[str, Any]:
    """The present values go on where the version still knows them."""
    known = {parameter.name for parameter in version.outline.parameters}
    kept = {name: value for name, value in found.parameters.items() if name in known}
    return dict(resolve(version.outline, version.manifest, {**kept, **(change.parameters or {})}))
