"""What people see of deployments."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row

from control_plane.core.ids import DeploymentId, StrategyId, Tenant, VersionId
from control_plane.deployments.errors import NoSuchDeployment
from control_plane.deployments.models.status import Status
from control_plane.deployments.store import asking
from control_plane.infra.db import Tx
from control_plane.strategies.service import versions


def find(tx: Tx, deployment: str, tenant: Tenant | None = None) -> Status:
    """By its id; somebody else's is not there."""
    rows = asking.listed(tx, tenant, deployment)
    if not rows:
        raise NoSuchDeployment(f"There is no deployment {deployment[:100]!r}.")
    return _status(rows[0])


def listed(tx: Tx, tenant: Tenant | None = None) -> list[Status]:
    return [_status(row) for row in asking.listed(tx, tenant)]


@dataclass(frozen=True)
class Origin:
    """What ran when a generation decided: which code, in which image."""

    version: str
    code_sha256: str
    image: str | None
    boot_sha256: str


def origin(tx: Tx, deployment: DeploymentId, generation: int) -> Origin | None:
    row = asking.generation(tx, deployment, generation)
    if row is None:
        return None
    code = versions.find(tx, VersionId(row.version_id)).code_sha256
    return Origin(row.version_id, code, row.image, row.boot_sha256)


def _status(row: Row[Any]) -> Status:
    return Status(
        id=DeploymentId(row.id),
        tenant=Tenant(row.tenant),
        name=row.name,
        strategy_id=StrategyId(row.strategy_id),
        version_id=VersionId(row.version_id),
        instrument=row.instrument,
        resolution=row.resolution,
        resolutions=tuple(msgspec.json.decode(row.resolutions)),
        ticks=row.ticks,
        parameters=msgspec.json.decode(row.parameters),
        memory_mb=row.memory_mb,
        cpus=row.cpus,
        launcher=row.launcher,
        on_crash=row.on_crash,
        max_leverage=row.max_leverage,
        shadow_of=None if row.shadow_of is None else DeploymentId(row.shadow_of),
        draining=row.draining,
        desired=row.desired,
        observed=row.observed,
        reason=row.reason,
        observed_ms=row.observed_ms,
        generation=row.generation,
        active_generation=row.active_generation,
        last_trigger=row.last_trigger,
        revision=row.revision,
        restarts=row.restarts,
        retry_ms=row.retry_ms,
        created_ms=row.created_ms,
        started_ms=row.started_ms,
        log_tail=row.log_tail or "",
        exit_code=row.exit_code,
        peak_memory_bytes=row.peak_memory_bytes,
        beat_ms=row.beat_ms,
        lag_ms=row.lag_ms,
        loop_lag_ms=row.loop_lag_ms,
        rss_bytes=row.rss_bytes,
        cpu_seconds=row.cpu_seconds,
        waiting=row.waiting,
        dropped=row.dropped,
    )
