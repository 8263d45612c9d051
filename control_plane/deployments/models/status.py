"""What people ask for and what they see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from control_plane.core.ids import DeploymentId, StrategyId, Tenant, VersionId

MAX_NAME = 100
LEAST_MEMORY_MB = 64
LEAST_CPUS = 0.05


@dataclass(frozen=True)
class Order:
    """What somebody wants to run. What is left out is the version's own."""

    strategy: str  # its name, its id, or a version's id
    name: str | None = None
    instrument: str | None = None
    resolution: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    memory_mb: int | None = None
    cpus: float | None = None


@dataclass(frozen=True)
class Change:
    """What is to be different from now on. What is left out stays."""

    strategy: str | None = None
    parameters: Mapping[str, Any] | None = None
    memory_mb: int | None = None
    cpus: float | None = None


@dataclass(frozen=True)
class Status:
    """A deployment, its last generation and what that one's newest process said last."""

    id: DeploymentId
    tenant: Tenant
    name: str
    strategy_id: StrategyId
    version_id: VersionId
    instrument: str
    resolution: str
    resolutions: tuple[str, ...]
    ticks: bool
    parameters: Mapping[str, Any]
    memory_mb: int
    cpus: float
    launcher: str
    desired: str
    observed: str
    reason: str
    observed_ms: int
    generation: int
    active_generation: int
    last_trigger: str | None
    revision: int
    restarts: int
    retry_ms: int
    created_ms: int
    started_ms: int | None
    log_tail: str
    exit_code: int | None
    peak_memory_bytes: int | None
    beat_ms: int | None
    lag_ms: int | None
    loop_lag_ms: int | None
    rss_bytes: int | None
    cpu_seconds: float | None
    waiting: int | None
    dropped: int | None
