"""From the engine's JSON to our models."""

from collections.abc import Mapping
from typing import Any

from control_plane.containers.models import (
    LABEL_DEPLOYMENT,
    LABEL_INSTALLATION,
    Facts,
    Running,
    State,
    running_from_labels,
)
from control_plane.core.ids import DeploymentId

STATES: Mapping[str, State] = {
    "created": "created",
    "running": "running",
    "restarting": "running",
    "paused": "paused",
    "removing": "exited",
    "exited": "exited",
    "dead": "exited",
}
# What changes the answer of a look at the container; `oom` may strike a child and leave it running.
ACTIONS = frozenset({"create", "start", "die", "pause", "unpause", "destroy"})


def running(item: Mapping[str, Any]) -> Running | None:
    state = STATES.get(str(item.get("State")), "running")
    return running_from_labels(str(item["Id"]), state, item.get("Labels") or {})


def facts(found: Mapping[str, Any], stats: Mapping[str, Any] | None) -> Facts:
    state = found["State"]
    ended = STATES.get(str(state.get("Status")), "running") == "exited"
    return Facts(
        STATES.get(str(state.get("Status")), "running"),
        int(state["ExitCode"]) if ended else None,
        bool(state.get("OOMKilled")),
        _peak(stats or {}),
        str(state.get("Error") or ""),
    )


def changed(event: Mapping[str, Any], installation: str) -> DeploymentId | None:
    """Whose container an event is about, if it is one of ours and tells of a change."""
    attributes = (event.get("Actor") or {}).get("Attributes") or {}
    action = str(event.get("Action", "")).partition(":")[0]
    if action not in ACTIONS or attributes.get(LABEL_INSTALLATION) != installation:
        return None
    deployment = attributes.get(LABEL_DEPLOYMENT)
    return DeploymentId(deployment) if deployment else None


def _peak(stats: Mapping[str, Any]) -> int | None:
    """The old control groups remember their peak; of the new ones the present use is known."""
    memory = stats.get("memory_stats") or {}
    peak = memory.get("max_usage") or memory.get("usage")
    return int(peak) if peak else None
