"""From the swarm's JSON to our models: services, their tasks, and the nodes that run them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from control_plane.containers.labels import job_from_labels, running_from_labels
from control_plane.containers.models import (
    Facts,
    Node,
    Running,
    RunningJob,
    State,
)

# Ours, on a service that was told to end: scaled to nothing, it would look like one never started.
LABEL_ENDED = "slipway.ended"
OVER = frozenset({"complete", "failed", "shutdown", "rejected", "remove", "orphaned"})
MB = 1024 * 1024


@dataclass(frozen=True)
class Seen:
    """A service of ours with its newest task and where that runs."""

    service: Mapping[str, Any]
    task: Mapping[str, Any] | None
    node: Mapping[str, Any] | None

    @property
    def handle(self) -> str:
        return str(self.service["ID"])

    @property
    def labels(self) -> Mapping[str, str]:
        return self.service["Spec"].get("Labels") or {}

    @property
    def is_lost(self) -> bool:
        """Its machine does not answer the managers: whatever runs there counts no more."""
        return self.node is not None and self.node["Status"]["State"] == "down"

    @property
    def state(self) -> State:
        if LABEL_ENDED in self.labels:
            return "exited"
        if replicas(self.service) == 0:
            return "created"
        if self.task is None:
            return "running"
        return "exited" if self.is_lost or _task_state(self.task) in OVER else "running"

    @property
    def running(self) -> Running | None:
        return running_from_labels(self.handle, self.state, self.labels)

    @property
    def job(self) -> RunningJob | None:
        return job_from_labels(self.handle, self.state, self.labels)

    @property
    def facts(self) -> Facts:
        """A swarm says how a process ended, not what of: of memory nothing is known."""
        status = (self.task or {}).get("Status") or {}
        container = status.get("ContainerStatus") or {}
        error = str(status.get("Err") or "")
        if self.state != "exited":
            return Facts(self.state, error=error, tells_memory=False)
        if self.is_lost and _task_state(self.task) not in OVER:
            name = (self.node or {}).get("Description", {}).get("Hostname", "its machine")
            return Facts("exited", error=f"its machine {name} is gone", tells_memory=False)
        has_run = bool(container.get("ContainerID")) and _task_state(self.task) != "rejected"
        code = int(container.get("ExitCode") or 0) if has_run else None
        return Facts("exited", code, error=error, tells_memory=False)


def seen(
    services: Iterable[Mapping[str, Any]],
    tasks: Iterable[Mapping[str, Any]],
    nodes: Iterable[Mapping[str, Any]],
) -> list[Seen]:
    newest: dict[str, Mapping[str, Any]] = {}
    for task in sorted(tasks, key=lambda one: str(one["CreatedAt"])):
        newest[str(task.get("ServiceID"))] = task
    places = {str(node["ID"]): node for node in nodes}
    found = []
    for service in services:
        latest = newest.get(str(service["ID"]))
        found.append(Seen(service, latest, places.get(str((latest or {}).get("NodeID")))))
    return found


def replicas(service: Mapping[str, Any]) -> int:
    return int(service["Spec"]["Mode"].get("Replicated", {}).get("Replicas") or 0)


def machines(nodes: Iterable[Mapping[str, Any]], tasks: Iterable[Mapping[str, Any]]) -> list[Node]:
    """Each node with its capacity and what is promised of it."""
    promised: dict[str, int] = {}
    number: dict[str, int] = {}
    for task in tasks:
        if _task_state(task) in OVER or task.get("DesiredState") not in ("running", "ready"):
            continue
        where = str(task.get("NodeID") or "")
        resources = task["Spec"].get("Resources") or {}
        reserved = (resources.get("Reservations") or {}).get("MemoryBytes") or 0
        promised[where] = promised.get(where, 0) + int(reserved)
        number[where] = number.get(where, 0) + 1
    return sorted(
        (_machine(node, promised.get(str(node["ID"]), 0), number) for node in nodes),
        key=lambda node: node.name,
    )


def _machine(node: Mapping[str, Any], promised: int, number: Mapping[str, int]) -> Node:
    described = node.get("Description") or {}
    resources = described.get("Resources") or {}
    is_ready = node["Status"]["State"] == "ready" and node["Spec"]["Availability"] == "active"
    return Node(
        name=str(described.get("Hostname") or node["ID"]),
        state="ready" if is_ready else _why_not(node),
        cpus=int(resources.get("NanoCPUs") or 0) / 1e9,
        memory_mb=int(resources.get("MemoryBytes") or 0) // MB,
        promised_mb=promised // MB,
        containers=number.get(str(node["ID"]), 0),
    )


def _why_not(node: Mapping[str, Any]) -> str:
    state = str(node["Status"]["State"])
    return state if state != "ready" else str(node["Spec"]["Availability"])


def _task_state(task: Mapping[str, Any] | None) -> str:
    return str(((task or {}).get("Status") or {}).get("State") or "")
