"""The intake: listens to every generation of our shards, settles what they say in groups, answers.

Whatever waits when a commit ends goes into the next one, of whichever deployment: the disk is asked
once a group. An acknowledgement follows its commit; a lost one costs a resend that the inbox knows.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from loguru import logger
from redis.exceptions import RedisError

from control_plane.core.clock import Clock
from control_plane.core.ids import DeploymentId, Rng
from control_plane.deployments import service as deployments
from control_plane.deployments.service import Launch
from control_plane.errors import Unavailable
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.flood import Allowance, FloodGauge
from control_plane.infra.leases import Leases
from control_plane.infra.pulse import Pulse
from control_plane.infra.subscriber import Subscriber
from control_plane.signals.models.frames import (
    Refused,
    is_numbered,
    run_is_named,
    unsound,
)
from control_plane.signals.models.notes import Notebook
from control_plane.signals.models.settling import Arrival, Settled
from control_plane.signals.service.recording import Greeting, Recorder
from control_plane.signals.service.rows import Notes
from strategy_runtime.wire import messages, names

GROUP = 200  # frames that are settled in one transaction
PATIENCE = 100  # frames of one channel that may wait before it is read no further
POLL_SECONDS = 1.0
NOTE_SECONDS = 1.0
FORGET_SECONDS = 60.0
RETRY_SECONDS = 0.2
FLOOD = "It sent more than a container may: 50 frames or 1 MB a second."

Place = tuple[DeploymentId, int]  # a deployment and one of its generations


@dataclass
class Channel:
    """One generation's two channels, heard under an epoch of its shard's lease."""

    launch: Launch
    epoch: int
    told: str  # the desired state that its process was told last
    subscriber: Subscriber = field(init=False)
    task: "asyncio.Task[None]" = field(init=False)
    notebook: Notebook = field(default_factory=Notebook)
    hellos: Allowance = field(default_factory=lambda: Allowance(per_second=2, burst=5))
    waiting: int = 0

    @property
    def place(self) -> Place:
        return (self.launch.deployment, self.launch.generation)


@dataclass
class Intake:
    db: Database
    bus: Bus
    clock: Clock
    rng: Rng
    leases: Leases
    failpoints: Failpoints
    recorder: Recorder
    scale: float = 1.0
    _pulse: Pulse = field(init=False)
    _channels: dict[Place, Channel] = field(default_factory=dict)
    _cut: set[Place] = field(default_factory=set)
    _arrivals: deque[tuple[Channel, Arrival]] = field(default_factory=deque)
    _greetings: deque[tuple[int, Greeting]] = field(default_factory=deque)
    _arrived: int = 0
    _settled: int = 0
    _due: asyncio.Event = field(default_factory=asyncio.Event)
    _note_now: asyncio.Event = field(default_factory=asyncio.Event)
    _noted: set[DeploymentId] = field(default_factory=set)
    _forgot: float = 0.0

    def __post_init__(self) -> None:
        self._pulse = Pulse(self.clock, self.bus.ping)

    async def run(self) -> None:
        """Starting is recovering: what was under way is said again by those who said it."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pulse.run(), name="intake-pulse")
                group.create_task(self._settle(), name="intake-settle")
                group.create_task(self._note(), name="intake-note")
                await self._watch(group)
        finally:
            self._channels.clear()
            self._arrivals.clear()
            self._greetings.clear()
            self._settled = self._arrived

    # ---- whom to hear ----------------------------------------------------------------------------

    async def _watch(self, group: asyncio.TaskGroup) -> None:
        async with self.bus.hints(names.wake("generations")) as hint:
            while True:
                try:
                    await self.watch_once(group)
                except Unavailable as error:
                    logger.warning("intake_waits", reason=str(error))
                await hint.wait(POLL_SECONDS * self.scale)

    async def watch_once(self, group: asyncio.TaskGroup) -> None:
        """Listen to those that may speak and are ours, and to nobody else."""
        launches = await self.db.read(deployments.launches, self.leases.owned())
        wanted = {
            (launch.deployment, launch.generation): launch
            for launch in launches
            if self.leases.is_trusted(launch.shard)
        }
        for place, channel in list(self._channels.items()):
            launch = wanted.get(place)
            if launch is None or self.leases.epoch(launch.shard) != channel.epoch:
                self._close(channel)
        for place, launch in wanted.items():
            if place not in self._channels and place not in self._cut:
                self._open(launch, group)
        self._cut &= wanted.keys()
        await self._tell([c for c in self._channels.values() if self._is_news(c, wanted[c.place])])

    def _open(self, launch: Launch, group: asyncio.TaskGroup) -> None:
        channel = Channel(launch, self.leases.epoch(launch.shard), launch.desired)
        name = names.up(launch.deployment, launch.generation)
        channel.subscriber = Subscriber(
            self.bus.url,
            name,
            lambda frame: self.hear(channel, frame),
            self.clock,
            self.rng,
            self._pulse,
            FloodGauge(),
        )
        self._channels[channel.place] = channel
        channel.task = group.create_task(self._listen(channel), name=name)

    def _close(self, channel: Channel) -> None:
        channel.task.cancel()
        self._channels.pop(channel.place, None)

    async def _listen(self, channel: Channel) -> None:
        await channel.subscriber.run()  # returns on a flood alone
        deployment, generation = channel.place
        logger.warning("flood_cut", deployment=deployment, generation=generation)
        self._cut.add(channel.place)
        self._channels.pop(channel.place, None)
        while True:
            try:
                await self.recorder.cut_off(deployment, generation, channel.launch.shard, FLOOD)
            except Unavailable as error:
                logger.warning("cut_off_waits", deployment=deployment, reason=str(error))
                await self.clock.sleep(RETRY_SECONDS)
            else:
                return

    @staticmethod
    def _is_news(channel: Channel, launch: Launch) -> bool:
        channel.launch = launch
        return (launch.desired == "running") != (channel.told == "running")

    async def _tell(self, channels: Sequence[Channel]) -> None:
        """Pause and resume; what is lost here, the next welcome repeats."""
        for channel in channels:
            running = channel.launch.desired == "running"
            control = messages.Control("resume" if running else "pause")
            if await self._say([(channel.place, control)]):
                channel.told = channel.launch.desired

    # ---- what they say ---------------------------------------------------------------------------

    def hear(self, channel: Channel, frame: bytes) -> bool:
        """Take a frame in; whether its channel may be read on. Nothing that it holds can raise."""
        try:
            message = messages.decode_up(frame)
        except messages.BadFrame as error:
            channel.notebook.letter(self.clock.monotonic(), str(error), frame)
            return True

        match message:
            case messages.Execution():
                self._hear_execution(channel, message, frame)
            case messages.Hello():
                self._hear_hello(channel, message, frame)
            case messages.Heartbeat():
                channel.notebook.beat(message)
            case messages.Notes():
                channel.notebook.note(self.clock.monotonic(), message)
            case messages.Bye():
                channel.notebook.bye(message)
                self._note_now.set()
        return channel.waiting < PATIENCE

    def _hear_execution(
        self, channel: Channel, execution: messages.Execution, frame: bytes
    ) -> None:
        wrong = unsound(execution)
        if wrong is not None and not is_numbered(execution):
            channel.notebook.letter(self.clock.monotonic(), wrong, frame)
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
        self._arrivals.append((channel, arrival))
        self._due.set()

    def _hear_hello(self, channel: Channel, hello: messages.Hello, frame: bytes) -> None:
        now = self.clock.monotonic()
        if not run_is_named(hello.run):
            channel.notebook.letter(now, "The run has no proper name.", frame)
            return
        if not channel.hellos.take(now):
            return

        launch = channel.launch
        greeting = Greeting(
            launch.deployment, launch.generation, launch.shard, channel.epoch, hello
        )
        self._greetings.append((self._arrived, greeting))
        self._due.set()

    # ---- what becomes of it ----------------------------------------------------------------------

    async def _settle(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            while self._arrivals or self._greetings:
                try:
                    await self._settle_group()
                    await self._answer_greetings()
                except Unavailable as error:
                    logger.warning("intake_waits", reason=str(error))
                    await self.clock.sleep(RETRY_SECONDS)

    async def _settle_group(self) -> None:
        """Nothing leaves the queue before its transaction has ended."""
        group = [self._arrivals[k] for k in range(min(GROUP, len(self._arrivals)))]
        if not group:
            return
        await self.failpoints.hit("signal.before_inbox")
        settled = await self.recorder.commit([arrival for _, arrival in group])
        await self.failpoints.hit("signal.after_inbox_commit")
        for channel, _ in group:
            self._arrivals.popleft()
            channel.waiting -= 1
            if channel.waiting <= PATIENCE // 2:
                channel.subscriber.resume()
        self._settled += len(group)
        for (channel, arrival), one in zip(group, settled, strict=True):
            self._note_refusal(channel, arrival, one)
        await self.failpoints.hit("signal.before_ack")
        await self._say(_acknowledgements(settled))

    def _note_refusal(self, channel: Channel, arrival: Arrival, one: Settled) -> None:
        if one.outcome == "refused" or (one.outcome == "committed" and one.reason):
            channel.notebook.letter(self.clock.monotonic(), one.reason, arrival.frame)

    async def _answer_greetings(self) -> None:
        """Only once what was heard before a hello is settled: its welcome says how far we are."""
        ready = [greeting for after, greeting in self._greetings if after <= self._settled][:GROUP]
        if not ready:
            return
        answers = await self.recorder.welcome(ready)
        for _ in ready:
            self._greetings.popleft()
        welcomes: list[tuple[Place, messages.Down]] = []
        for greeting, answer in zip(ready, answers, strict=True):
            place = (greeting.deployment, greeting.generation)
            channel = self._channels.get(place)
            if isinstance(answer, messages.Welcome):
                welcomes.append((place, answer))
                if channel is not None:
                    channel.told = "running" if answer.phase == "running" else "paused"
            elif isinstance(answer, Refused) and channel is not None:
                frame = messages.encode(greeting.hello)
                channel.notebook.letter(self.clock.monotonic(), answer.reason, frame)
        await self._say(welcomes)

    async def _say(self, what: Sequence[tuple[Place, messages.Down]]) -> bool:
        """One round trip for all of it. What is lost is asked for again."""
        if not what:
            return True
        with suppress(RedisError, OSError):
            async with self.bus.client.pipeline(transaction=False) as pipe:
                for (deployment, generation), message in what:
                    pipe.publish(names.down(deployment, generation), messages.encode(message))
                await pipe.execute()
            return True
        return False

    # ---- what is written down once a second ------------------------------------------------------

    async def _note(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(NOTE_SECONDS * self.scale):
                    await self._note_now.wait()
            self._note_now.clear()
            try:
                await self.note_once()
            except Unavailable as error:
                logger.warning("notes_lost", reason=str(error))

    async def note_once(self) -> None:
        notes = []
        for channel in self._channels.values():
            page = channel.notebook.tear_off()
            if page is not None:
                launch = channel.launch
                notes.append(
                    Notes(launch.deployment, launch.generation, launch.shard, channel.epoch, page)
                )
        self._noted |= {one.deployment for one in notes}
        due = self.clock.monotonic() - self._forgot >= FORGET_SECONDS
        if notes or (due and self._noted):
            await self.recorder.note(notes, self._noted if due else ())
        if due:
            self._noted.clear()
            self._forgot = self.clock.monotonic()


def _acknowledgements(settled: Sequence[Settled]) -> list[tuple[Place, messages.Down]]:
    """One for each run: what is not ours to settle stays unacknowledged, and comes again."""
    by_run: dict[tuple[DeploymentId, int, str], list[int]] = {}
    for one in settled:
        if one.outcome != "left":
            deployment, generation, run, n = one.arrival.key
            by_run.setdefault((deployment, generation, run), []).append(n)
    return [
        ((deployment, generation), messages.Ack(run, tuple(numbers)))
        for (deployment, generation, run), numbers in by_run.items()
    ]
