"""One launch of one generation of a deployment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from control_plane.containers.labels import LABEL_DEPLOYMENT, LABEL_GENERATION
from control_plane.containers.models import Limits
from control_plane.core.ids import DeploymentId
from strategy_runtime import wire
from strategy_runtime.wire import names


@dataclass(frozen=True)
class LaunchSpec:
    """All that a caller may choose."""

    installation: str
    deployment: DeploymentId
    generation: int
    code_sha256: str
    boot_sha256: str
    password: str = field(repr=False)  # of the generation's Redis user
    limits: Limits = field(default_factory=Limits)
    time_scale: float = 1.0
    trusted: bool = (
        False  # the operator's own code or a shipped template: may run without a sandbox
    )

    @property
    def name(self) -> str:
        return container_name(self.deployment, self.generation)

    @property
    def user(self) -> str:
        return names.user(self.deployment, self.generation)

    @property
    def program(self) -> str:
        return "strategy_runtime.main"

    @property
    def after_create(self) -> str:
        return "launch.after_create"

    @property
    def marks(self) -> Mapping[str, str]:
        return {LABEL_DEPLOYMENT: self.deployment, LABEL_GENERATION: str(self.generation)}

    @property
    def variables(self) -> Mapping[str, str]:
        return {
            wire.ENV_DEPLOYMENT: self.deployment,
            wire.ENV_GENERATION: str(self.generation),
        }

    @property
    def candles(self) -> Path | None:
        return None

    @property
    def candles_bytes(self) -> int:
        return 0


def container_name(deployment: DeploymentId, generation: int) -> str:
    return f"slipway-{deployment}-g{generation}"
