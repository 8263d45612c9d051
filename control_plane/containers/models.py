"""The port to whatever runs strategies: an engine, or plain processes where none is at hand.

A caller says who is to run and within which limits. How a container is closed in is the launcher's
own business: nothing of it can be asked for.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NewType, Protocol
from urllib.parse import quote, urlsplit

from control_plane.core.ids import DeploymentId, JobId
from strategy_runtime import wire
from strategy_runtime.wire import names

Handle = NewType("Handle", str)
"""What a launcher calls one container: the engine's id, or a folder's name."""

State = Literal["created", "running", "paused", "exited"]

LABEL_INSTALLATION = "slipway.installation"
LABEL_DEPLOYMENT = "slipway.deployment"
LABEL_GENERATION = "slipway.generation"
LABEL_JOB = "slipway.job"
LABEL_ATTEMPT = "slipway.attempt"
LABEL_CODE = "slipway.code"

LOG_TAIL_LINES = 50
LOG_TAIL_CHARACTERS = 8_000
OUTPUT_LINES = 200  # of one look
OUTPUT_CHARACTERS = 1_000  # of one line


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
class LaunchSpec:
    """One launch of one generation: all that a caller may choose."""

    installation: str
    deployment: DeploymentId
    generation: int
    code_sha256: str
    boot_sha256: str
    password: str = field(repr=False)  # of the generation's Redis user
    limits: Limits = Limits()
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
class BusAddress:
    """Where a strategy's process finds Redis: a Unix socket, or host and port for plain
    processes. `volume` names the engine's volume that holds the socket, if it is no folder of this
    machine.
    """

    socket: str | None = None  # its path on this machine, or within the volume's owner
    tcp: str | None = None  # redis://host:port/db
    volume: str | None = None
    authority: str = ""  # the certificate, as PEM, of whoever vouches for Redis' own

    def url(self, spec: Spec, socket: str | None = None) -> str:
        """The whole address for one launch, with its own user."""
        credentials = f"{spec.user}:{quote(spec.password)}@"
        path = socket or self.socket
        if path is not None:
            return f"unix://{credentials}{path}"
        scheme, _, rest = str(self.tcp).partition("://")
        return f"{scheme}://{credentials}{rest}"


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


def container_name(deployment: DeploymentId, generation: int) -> str:
    return f"slipway-{deployment}-g{generation}"


def labels(spec: Spec) -> dict[str, str]:
    return {
        LABEL_INSTALLATION: spec.installation,
        **spec.marks,
        LABEL_CODE: spec.code_sha256,
    }


def environment(
    spec: Spec, bus_url: str, candles: str | None = None, authority: str = ""
) -> dict[str, str]:
    """Everything that we put into the process' environment. One BLAS thread: half a CPU is shared
    by no more.
    """
    file = {} if candles is None else {wire.ENV_CANDLES: candles}
    trust = {wire.ENV_BUS_CA: authority} if authority else {}
    return {
        wire.ENV_BUS_URL: bus_url,
        **trust,
        **spec.variables,
        **file,
        wire.ENV_BOOT_SHA256: spec.boot_sha256,
        wire.ENV_TIME_SCALE: f"{spec.time_scale:g}",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
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


def bus_address(
    redis_url: str, bus_url: str | None, volume: str | None, authority: str = ""
) -> BusAddress:
    """From the control plane's own address and what the settings say about the containers'."""
    parts = urlsplit(bus_url or redis_url)
    if parts.scheme == "unix":
        return BusAddress(socket=parts.path, volume=volume)
    if volume is not None and bus_url is None:
        return BusAddress(socket="/redis.sock", volume=volume)
    host = parts.netloc.rpartition("@")[2]
    return BusAddress(tcp=f"{parts.scheme}://{host}{parts.path}", authority=authority)


def printable(text: str, limit: int = LOG_TAIL_CHARACTERS) -> str:
    """A strategy's output as data: the end of it, with control characters made visible."""
    return _shown(text[-limit:])


def printable_line(text: str) -> str:
    """One line of it: the beginning, with a mark where it was cut."""
    cut = text if len(text) <= OUTPUT_CHARACTERS else f"{text[:OUTPUT_CHARACTERS]}…"
    return _shown(cut)


def _shown(text: str) -> str:
    return "".join(c if c == "\n" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)
