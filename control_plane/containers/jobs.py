"""One launch of one job: the same sandbox as a deployment's, and candles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from control_plane.containers.labels import LABEL_ATTEMPT, LABEL_JOB
from control_plane.containers.models import Limits
from control_plane.core.ids import JobId
from strategy_runtime import wire
from strategy_runtime.wire import names


@dataclass(frozen=True)
class JobSpec:
    """All that a caller may choose."""

    installation: str
    job: JobId
    attempt: int
    code_sha256: str
    boot_sha256: str
    password: str = field(repr=False)  # of the job's Redis user
    candles: Path  # on this machine; read only inside
    limits: Limits
    time_scale: float = 1.0
    trusted: bool = False
    candles_bytes: int = 0  # of them on the bus, where its node does not see the file

    @property
    def name(self) -> str:
        return f"slipway-{self.job}-a{self.attempt}"

    @property
    def user(self) -> str:
        return names.job_user(self.job)

    @property
    def program(self) -> str:
        return "strategy_runtime.jobs.main"

    @property
    def after_create(self) -> str:
        return "job.after_create"

    @property
    def marks(self) -> Mapping[str, str]:
        return {LABEL_JOB: self.job, LABEL_ATTEMPT: str(self.attempt)}

    @property
    def variables(self) -> Mapping[str, str]:
        return {wire.ENV_JOB: self.job}
