"""How a container tells whose it is: what we write on each that we make, and what we read there."""

from collections.abc import Mapping

from control_plane.containers.models import Handle, Running, RunningJob, Spec, State
from control_plane.core.ids import DeploymentId, JobId

LABEL_INSTALLATION = "slipway.installation"
LABEL_DEPLOYMENT = "slipway.deployment"
LABEL_GENERATION = "slipway.generation"
LABEL_JOB = "slipway.job"
LABEL_ATTEMPT = "slipway.attempt"
LABEL_CODE = "slipway.code"


def labels(spec: Spec) -> dict[str, str]:
    return {
        LABEL_INSTALLATION: spec.installation,
        **spec.marks,
        LABEL_CODE: spec.code_sha256,
    }


def running_from_labels(handle: str, state: State, found: Mapping[str, str]) -> Running | None:
    """Nothing if the labels are not whole: whoever made that container, it was not us."""
    deployment, generation = found.get(LABEL_DEPLOYMENT), found.get(LABEL_GENERATION, "")
    if not deployment or not generation.isdecimal():
        return None
    return Running(
        Handle(handle),
        found.get(LABEL_INSTALLATION, ""),
        DeploymentId(deployment),
        int(generation),
        state,
        found.get(LABEL_CODE, ""),
    )


def job_from_labels(handle: str, state: State, found: Mapping[str, str]) -> RunningJob | None:
    """Nothing if the labels are not whole: whoever made that container, it was not us."""
    job, attempt = found.get(LABEL_JOB), found.get(LABEL_ATTEMPT, "")
    if not job or not attempt.isdecimal():
        return None
    return RunningJob(
        Handle(handle), found.get(LABEL_INSTALLATION, ""), JobId(job), int(attempt), state
    )
