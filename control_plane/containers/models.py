"""The port to whatever runs strategies: an engine, or plain processes where none is at hand.

A caller says who is to run and within which limits. How a container is closed in is the launcher's
own business: nothing of it can be asked for.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NewType, Protocol

from control_plane.core.ids import DeploymentId, JobId

Handle = NewType("Handle", str)
"""What a launcher calls one container: the engine's id, or a folder's name."""

State = Literal["created", "running", "paused", "exited"]


@dataclass(frozen=True)
class Limits:
    memory_mb: int = 512
    cpus: float = 0.5
    pids: int = 64


class Spec(Protocol):
    """What a launcher is told of whoever is to run: a deployment's generation, or a job."""

    @property
    def installation(self) -> str: ...
    @property
    def name(self) -> str:
        """Of its container: taken once, so nothing is launched twice."""
        ...

    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def program(self) -> str:
        """The module that its process runs."""
        ...

    @property
    def after_create(self) -> str:
        """The fail point between create and start."""
        ...

    @property
    def marks(self) -> Mapping[str, str]:
        """The labels that tell whose it is."""
        ...

    @property
    def variables(self) -> Mapping[str, str]:
        """What its process reads of itself."""
        ...

    @property
    def code_sha256(self) -> str: ...
    @property
    def boot_sha256(self) -> str: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def time_scale(self) -> float: ...
    @property
    def trusted(self) -> bool: ...
    @property
    def candles(self) -> Path | None:
        """A file that it reads."""
        ...

    @property
    def candles_bytes(self) -> int:
        """How much room it needs for that file, if it has to fetch it."""
        ...


@dataclass(frozen=True)
class Running:
    """A container that carries our labels, whatever state it is in."""

    handle: Handle
    installation: str
    deployment: DeploymentId
    generation: int
    state: State
    code_sha256: str = ""


@dataclass(frozen=True)
class RunningJob:
    """A container that carries a job's labels, whatever state it is in."""

    handle: Handle
    installation: str
    job: JobId
    attempt: int
    state: State


@dataclass(frozen=True)
class Facts:
    """How a container stands or how it ended, as its engine tells it."""

    state: State
    exit_code: int | None = None
    out_of_memory: bool = False
    peak_memory_bytes: int | None = None
    error: str = ""
    tells_memory: bool = True  # whether it would be known that memory ran out
    ended_ms: int | None = None  # by the engine's clock


@dataclass(frozen=True)
class Printed:
    """A line of a container's output. `at_ns` also says where to read on."""

    at_ns: int
    text: str


@dataclass(frozen=True)
class Node:
    """A machine of a cluster, and what is promised of it."""

    name: str
    state: str  # ready, or why not
    cpus: float
    memory_mb: int
    promised_mb: int = 0
    containers: int = 0

    @property
    def free_mb(self) -> int:
        return max(0, self.memory_mb - self.promised_mb)


class Launcher(Protocol):
    """Docker, a swarm, or processes. Each call has a deadline; `EngineUnreachable` means that
    nothing is known.
    """

    @property
    def name(self) -> str: ...

    @property
    def shows_files(self) -> bool:
        """Whether what it launches sees a file that we name; else its candles go over the bus."""
        ...

    async def available(self) -> str | None:
        """Nothing if it can launch; else why not, in a sentence."""
        ...

    async def launch(self, spec: Spec) -> Handle: ...

    async def list_ours(self) -> list[Running]:
        """Deployments' containers."""
        ...

    async def list_jobs(self) -> list[RunningJob]: ...

    async def nodes(self) -> list[Node]:
        """The machines that it launches on. What is promised of them a lone one need not know."""
        ...

    async def stop(self, handle: Handle, grace_seconds: float) -> None:
        """Ask it to end and wait; kill it after the grace. Already gone is success."""
        ...

    async def remove(self, handle: Handle) -> None:
        """Forget it, killing it if it runs. Already gone is success."""
        ...

    async def logs(self, handle: Handle) -> str:
        """The last lines of what it printed, as text that is safe to show."""
        ...

    async def output(self, handle: Handle, after_ns: int) -> list[Printed]:
        """What it printed after that moment, oldest first; of very much only the end."""
        ...

    async def facts(self, handle: Handle) -> Facts | None:
        """Nothing if there is no such container any more."""
        ...

    def events(self) -> AsyncGenerator[DeploymentId, None]:
        """Whose container has just changed. Ends, or raises, when the engine does: look at
        everything then.
        """
        ...

    async def close(self) -> None: ...
