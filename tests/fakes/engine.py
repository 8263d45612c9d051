"""An engine in memory, on the launcher's port."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

from control_plane.containers.errors import EngineUnreachable, LaunchFailed
from control_plane.containers.jobs import JobSpec
from control_plane.containers.launches import LaunchSpec
from control_plane.containers.models import (
    Facts,
    Handle,
    Node,
    Printed,
    Running,
    RunningJob,
    Spec,
)
from control_plane.core.ids import DeploymentId
from control_plane.errors import SlipwayError


@dataclass
class FakeLauncher:
    """Containers start at once and run until a test ends them."""

    there: dict[Handle, Running] = field(default_factory=dict)
    jobs: dict[Handle, RunningJob] = field(default_factory=dict)
    ended: dict[Handle, Facts] = field(default_factory=dict)
    said: dict[Handle, str] = field(default_factory=dict)
    printed: dict[Handle, list[Printed]] = field(default_factory=dict)
    launched: list[LaunchSpec] = field(default_factory=list)
    job_specs: list[JobSpec] = field(default_factory=list)
    stopped: list[tuple[Handle, float]] = field(default_factory=list)
    is_reachable: bool = True
    refusal: SlipwayError | None = None
    changes: asyncio.Queue[DeploymentId] = field(default_factory=asyncio.Queue)

    @property
    def name(self) -> str:
        return "fake"

    @property
    def shows_files(self) -> bool:
        return True

    async def available(self) -> str | None:
        return None if self.is_reachable else "The engine is away."

    async def launch(self, spec: Spec) -> Handle:
        self._reach()
        if self.refusal is not None:
            raise self.refusal
        handle = Handle(spec.name)
        if handle in self.there or handle in self.jobs:
            raise LaunchFailed(f"{handle} is there already.")
        self._put(handle, spec)
        return handle

    def _put(self, handle: Handle, spec: Spec) -> None:
        match spec:
            case JobSpec(installation=ours, job=job, attempt=attempt):
                self.job_specs.append(spec)
                self.jobs[handle] = RunningJob(handle, ours, job, attempt, "running")
            case LaunchSpec(installation=ours, deployment=deployment, generation=generation):
                self.launched.append(spec)
                self.there[handle] = Running(
                    handle, ours, deployment, generation, "running", spec.code_sha256
                )

    async def list_ours(self) -> list[Running]:
        self._reach()
        return list(self.there.values())

    async def nodes(self) -> list[Node]:
        return [Node("here", "ready", 2.0, 4096)]

    async def list_jobs(self) -> list[RunningJob]:
        self._reach()
        return list(self.jobs.values())

    async def stop(self, handle: Handle, grace_seconds: float) -> None:
        self._reach()
        self.stopped.append((handle, grace_seconds))
        if self._state(handle) not in (None, "exited"):
            self.die(handle, Facts("exited", 143))

    async def remove(self, handle: Handle) -> None:
        self._reach()
        self.there.pop(handle, None)
        self.jobs.pop(handle, None)

    async def logs(self, handle: Handle) -> str:
        self._reach()
        return self.said.get(handle, "")

    async def output(self, handle: Handle, after_ns: int) -> list[Printed]:
        self._reach()
        return [line for line in self.printed.get(handle, []) if line.at_ns > after_ns]

    async def facts(self, handle: Handle) -> Facts | None:
        self._reach()
        found = self.there.get(handle) or self.jobs.get(handle)
        return None if found is None else self.ended.get(handle, Facts(found.state))

    async def events(self) -> AsyncGenerator[DeploymentId, None]:
        while True:
            yield await self.changes.get()

    async def close(self) -> None:
        return

    def die(self, handle: Handle, facts: Facts, output: str = "") -> None:
        """The process ends, and so does its container."""
        if handle in self.jobs:
            self.jobs[handle] = replace(self.jobs[handle], state="exited")
        else:
            self.there[handle] = replace(self.there[handle], state="exited")
        self.ended[handle], self.said[handle] = facts, output

    def put(self, running: Running) -> None:
        self.there[running.handle] = running

    def names(self) -> list[str]:
        return sorted(self.there)

    def _state(self, handle: Handle) -> str | None:
        found = self.there.get(handle) or self.jobs.get(handle)
        return None if found is None else found.state

    def _reach(self) -> None:
        if not self.is_reachable:
            raise EngineUnreachable("The engine is away.")
