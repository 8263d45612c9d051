"""From the engine's JSON to our models."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from control_plane.containers.labels import (
    LABEL_DEPLOYMENT,
    LABEL_INSTALLATION,
    job_from_labels,
    running_from_labels,
)
from control_plane.containers.models import (
    Facts,
    Node,
    Printed,
    Running,
    RunningJob,
    State,
)
from control_plane.containers.output import printable_line
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


def running_job(item: Mapping[str, Any]) -> RunningJob | None:
    state = STATES.get(str(item.get("State")), "running")
    return job_from_labels(str(item["Id"]), state, item.get("Labels") or {})


def facts(found: Mapping[str, Any], stats: Mapping[str, Any] | None) -> Facts:
    state = found["State"]
    ended = STATES.get(str(state.get("Status")), "running") == "exited"
    return Facts(
        STATES.get(str(state.get("Status")), "running"),
        int(state["ExitCode"]) if ended else None,
        bool(state.get("OOMKilled")),
        _peak(stats or {}),
        str(state.get("Error") or ""),
        ended_ms=_ended_ms(found) if ended else None,
    )


def lived(found: Mapping[str, Any]) -> tuple[float, float] | None:
    """From when to when, in the engine's own time; nothing if it does not say so."""
    state = found["State"]
    began, ended = (_moment_ns(str(state.get(name))) for name in ("StartedAt", "FinishedAt"))
    return None if began is None or ended is None else (began / 1e9, ended / 1e9)


def _ended_ms(found: Mapping[str, Any]) -> int | None:
    there = lived(found)
    return None if there is None else int(there[1] * 1000)


def node(info: Mapping[str, Any]) -> Node:
    memory_mb = int(info.get("MemTotal") or 0) // (1024 * 1024)
    return Node(str(info.get("Name") or ""), "ready", float(info.get("NCPU") or 0), memory_mb)


def changed(event: Mapping[str, Any], installation: str) -> DeploymentId | None:
    """Whose container an event is about, if it is one of ours and tells of a change."""
    attributes = (event.get("Actor") or {}).get("Attributes") or {}
    action = str(event.get("Action", "")).partition(":")[0]
    if action not in ACTIONS or attributes.get(LABEL_INSTALLATION) != installation:
        return None
    deployment = attributes.get(LABEL_DEPLOYMENT)
    return DeploymentId(deployment) if deployment else None


def printed(text: str, after_ns: int) -> list[Printed]:
    """Lines that each begin with their moment; a piece of a very long line may have none."""
    found: list[Printed] = []
    at_ns = after_ns
    for line in text.split("\n"):
        stamp, _, rest = line.partition(" ")
        moment = _moment_ns(stamp)
        if moment is None:
            rest = line
        else:
            at_ns = moment
        if at_ns > after_ns and (rest or moment is not None):
            found.append(Printed(at_ns, printable_line(rest)))
    return found


def _moment_ns(text: str) -> int | None:
    """RFC 3339 with nanoseconds, which the standard library cuts to microseconds."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    if len(whole) != 19 or not text.endswith("Z") or not (fraction or "0").isdecimal():
        return None
    try:
        seconds = datetime.fromisoformat(f"{whole}+00:00").timestamp()
    except ValueError:
        return None
    return int(seconds) * 1_000_000_000 + int((fraction or "0").ljust(9, "0")[:9])


def _peak(stats: Mapping[str, Any]) -> int | None:
    """The old control groups remember their peak; of the new ones the present use is known."""
    memory = stats.get("memory_stats") or {}
    peak = memory.get("max_usage") or memory.get("usage")
    return int(peak) if peak else None
