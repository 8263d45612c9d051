"""From a frame to what waits to be settled. Nothing that a frame holds can raise."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from control_plane.core.ids import DeploymentId
from control_plane.deployments.service import Launch
from control_plane.infra.flood import Allowance
from control_plane.infra.subscriber import Subscriber
from control_plane.signals.models.frames import is_numbered, run_is_named, unsound
from control_plane.signals.models.notes import Notebook
from control_plane.signals.models.settling import Arrival
from control_plane.signals.service.recording import Greeting
from strategy_runtime.wire import messages

PATIENCE = 100  # frames of one channel that may wait before it is read no further

Place = tuple[DeploymentId, int]  # a deployment and one of its generations


@dataclass(eq=False)
class Channel:
    """One generation's two channels, heard under an epoch of its shard's lease."""

    launch: Launch
    epoch: int
    told: str  # the desired state that its process was told last
    notebook: Notebook = field(default_factory=Notebook)
    hellos: Allowance = field(default_factory=lambda: Allowance(per_second=2, burst=5))
    turns: Allowance = field(default_factory=lambda: Allowance(per_second=1, burst=3))
    phase: messages.Phase = "warming"
    waiting: int = 0
    subscriber: Subscriber | None = None
    task: "asyncio.Task[None] | None" = None

    @property
    def place(self) -> Place:
        return (self.launch.deployment, self.launch.generation)

    def seems(self, phase: messages.Phase, now: float) -> bool:
        """What its heartbeat shows is what it was told last, whatever we said since: nobody may
        have been listening. Whether people should see at once that it changed.
        """
        before, self.phase = self.phase, phase
        if phase in {"running", "paused"}:
            self.told = phase
        return phase != before and self.turns.take(now)

    def settled(self) -> None:
        """One of its frames left the queue; with enough room it is read on."""
        self.waiting -= 1
        if self.waiting <= PATIENCE // 2 and self.subscriber is not None:
            self.subscriber.resume()


@dataclass
class Inlet:
    """What was heard and waits, in the order in which it came."""

    arrivals: deque[tuple[Channel, Arrival]] = field(default_factory=deque)
    greetings: deque[tuple[int, Channel, Greeting]] = field(default_factory=deque)
    due: asyncio.Event = field(default_factory=asyncio.Event)
    has_news: asyncio.Event = field(default_factory=asyncio.Event)
    _arrived: int = 0
    _settled: int = 0

    def hear(self, channel: Channel, frame: bytes, now: float) -> bool:
        """Take a frame in; whether its channel may be read on."""
        try:
            message = messages.decode_up(frame)
        except messages.BadFrame as error:
            channel.notebook.letter(now, str(error), frame)
            return True

        match message:
            case messages.Execution():
                self._execution(channel, message, frame, now)
            case messages.Hello():
                self._hello(channel, message, frame, now)
            case messages.Heartbeat():
                channel.notebook.beat(message)
                if channel.seems(message.phase, now):
                    self.has_news.set()
            case messages.Notes():
                channel.notebook.note(now, message)
            case messages.Bye():
                channel.notebook.bye(message)
                self.has_news.set()
        return channel.waiting < PATIENCE

    def group(self, at_most: int) -> list[tuple[Channel, Arrival]]:
        """The first that wait. They leave only once their transaction has ended."""
        return [self.arrivals[k] for k in range(min(at_most, len(self.arrivals)))]

    def done(self, number: int) -> None:
        for _ in range(number):
            channel, _ = self.arrivals.popleft()
            channel.settled()
        self._settled += number

    def hellos(self, at_most: int) -> list[tuple[Channel, Greeting]]:
        """Those before which nothing waits any more: a welcome says how far we are."""
        ready = [(c, g) for after, c, g in self.greetings if after <= self._settled]
        return ready[:at_most]

    def answered(self, number: int) -> None:
        for _ in range(number):
            self.greetings.popleft()

    def clear(self) -> None:
        """Whoever said it says it again."""
        self.arrivals.clear()
        self.greetings.clear()
        self._settled = self._arrived

    def _execution(
        self, channel: Channel, execution: messages.Execution, frame: bytes, now: float
    ) -> None:
        wrong = unsound(execution)
        if wrong is not None and not is_numbered(execution):
            channel.notebook.letter(now, wrong, frame)
            return

        launch = channel.launch
        arrival = Arrival(
            launch.deployment,
            launch.generation,
            launch.shard,
            channel.epoch,
            execution,
            frame,
            wrong,
        )
        channel.waiting += 1
        self._arrived += 1
        self.arrivals.append((channel, arrival))
        self.due.set()

    def _hello(self, channel: Channel, hello: messages.Hello, frame: bytes, now: float) -> None:
        if not run_is_named(hello.run):
            channel.notebook.letter(now, "The run has no proper name.", frame)
            return
        if not channel.hellos.take(now):
            return

        launch = channel.launch
        greeting = Greeting(
            launch.deployment, launch.generation, launch.shard, channel.epoch, hello
        )
        self.greetings.append((self._arrived, channel, greeting))
        self.due.set()
