"""What people ask for and what they see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from control_plane.core.ids import DeploymentId, StrategyId, Tenant, VersionId

OnCrash = Literal["keep", "reduce", "flatten"]
"""What becomes of open positions once a deployment is given up: they keep their stops, those on
spot are closed, or all are.
"""

MAX_NAME = 100
LEAST_MEMORY_MB = 64
LEAST_CPUS = 0.05
MOST_LEVERAGE = Decimal(100)


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
    on_crash: OnCrash = "keep"
    max_leverage: Decimal | None = None  # no subscription's entry is levered further


@dataclass(frozen=True)
class Change:
    """What is to be different from now on. What is left out stays."""

    strategy: str | None = None
    parameters: Mapping[str, Any] | None = None
    memory_mb: int | None = None
    cpus: float | None = None
    on_crash: OnCrash | None = None
    max_leverage: Decimal | None = None

    @property
    def is_for_a_new_launch(self) -> bool:
        """Nothing at all asks for one, too: that is a restart."""
        launched = (self.strategy, self.parameters, self.memory_mb, self.cpus)
        kept = (self.on_crash, self.max_leverage)
        return kept == (None, None) or any(one is not None for one in launched)


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
    on_crash: str
    max_leverage: Decimal | None
    shadow_of: DeploymentId | None
    draining: bool
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
