"""What is wanted of a deployment, what is known of it, and the steps that lead from one to the
other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from control_plane.containers.models import Handle
from control_plane.core.ids import DeploymentId

Desired = Literal["running", "paused", "stopped", "deleted"]
Observed = Literal[
    "pending",
    "starting",
    "warming",
    "running",
    "paused",
    "lagging",
    "restarting",
    "crash_loop",
    "stopping",
    "stopped",
    "failed",
]

GIVEN_UP: tuple[Observed, ...] = ("crash_loop", "failed")  # until a person asks again
ALIVE = ("launching", "live")


@dataclass(frozen=True)
class Policy:
    """When the fleet loses patience, in seconds; a test's scale hurries all of them."""

    silence: float = 20.0
    decision: float = 10.0
    first_retry: float = 1.0
    longest_retry: float = 300.0
    jitter: float = 0.2
    failing_told: int = 3  # decisions in a row that failed
    failing_restart: int = 10  # of one launch
    failing_hopeless: int = 30  # through several launches
    crashes: int = 5
    crash_window: float = 600.0
    healthy: float = 600.0
    hand_over: float = 60.0
    memory_window: float = 600.0  # over which memory is seen to grow
    loop_lag: float = 1.0
    remembered: float = 60.0  # how long what was noticed is told
    grace: float = 8.0  # longer than a process takes to hand in what it decided
    ill_grace: float = 2.0  # one that hangs hands in nothing, and its next launch waits
    scale: float = 1.0

    def ms(self, seconds: float) -> int:
        return round(seconds * self.scale * 1000)


@dataclass(frozen=True)
class Pulse:
    """What the newest process of a generation last said of itself."""

    hello_ms: int
    welcomed_ms: int | None = None
    beat_ms: int | None = None
    phase: str = "warming"
    waiting: int = 0
    rss_bytes: int = 0
    loop_lag_ms: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class Generation:
    number: int
    state: str  # launching | live | ended | cut_off
    revision: int
    launched_ms: int
    started_ms: int | None = None
    pulse: Pulse | None = None
    reason: str = ""
    handle: Handle | None = None  # of the container that was written down

    @property
    def is_alive(self) -> bool:
        return self.state in ALIVE


@dataclass(frozen=True)
class Condition:
    """How the last generation does, if it is live."""

    ailment: str | None = None  # why it must be launched anew
    hopeless: bool = False  # that would not help either
    strain: str | None = None  # why a new launch should take over before it comes to that
    remark: str = ""  # what its owner should know while it goes on


@dataclass(frozen=True)
class Wish:
    """A deployment: what is wanted of it and what we know."""

    deployment: DeploymentId
    desired: Desired
    observed: Observed = "pending"
    reason: str = ""
    revision: int = 1
    generation: int = 0  # launched last
    active_generation: int = 0
    retry_ms: int = 0
    generations: Mapping[int, Generation] = field(default_factory=dict)  # alive, and the last
    condition: Condition = Condition()
    draining: bool = False

    @property
    def is_wanted(self) -> bool:
        is_asked = self.desired in ("running", "paused") and self.observed not in GIVEN_UP
        return is_asked and not self.is_cut_off

    @property
    def is_cut_off(self) -> bool:
        """It misbehaved, and nobody has asked for it since."""
        current = self.current
        return current is not None and current.state == "cut_off" and self.observed != "pending"

    @property
    def current(self) -> Generation | None:
        return self.generations.get(self.generation)


@dataclass(frozen=True)
class Launch:
    deployment: DeploymentId
    reason: str = ""


@dataclass(frozen=True)
class Adopt:
    """It runs, but the record of its launch was never finished."""

    deployment: DeploymentId
    generation: int
    handle: Handle


@dataclass(frozen=True)
class Stop:
    deployment: DeploymentId
    generation: int
    handle: Handle
    reason: str
    crashed: bool = False
    hopeless: bool = False


@dataclass(frozen=True)
class Bury:
    """It has ended: learn why, write it down, remove it."""

    deployment: DeploymentId
    generation: int
    handle: Handle
    expected: bool = False


@dataclass(frozen=True)
class Lose:
    """A generation that should have a container has none."""

    deployment: DeploymentId
    generation: int
    reason: str


@dataclass(frozen=True)
class Discard:
    """One of ours that no record asks for."""

    deployment: DeploymentId
    handle: Handle


@dataclass(frozen=True)
class Observe:
    deployment: DeploymentId
    observed: Observed
    reason: str = ""


Step = Launch | Adopt | Stop | Bury | Lose | Discard | Observe
