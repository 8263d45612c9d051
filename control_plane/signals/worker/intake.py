"""Whom to hear, what to tell them, and what they said beside their decisions.

Generations and their shards' leases decide who is heard: a poll, hurried by a hint. A flood ends a
channel at once and for good.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter

from loguru import logger

from control_plane.core.clock import Clock
from control_plane.core.ids import DeploymentId, Rng
from control_plane.deployments import service as deployments
from control_plane.deployments.service import Launch
from control_plane.errors import Unavailable
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.flood import FloodGauge
from control_plane.infra.isolation import Isolation
from control_plane.infra.leases import Leases
from control_plane.infra.pulse import Pulse
from control_plane.infra.subscriber import Subscriber
from control_plane.signals.service.recording import Recorder
from control_plane.signals.service.rows import Notes
from control_plane.signals.worker.hearing import Channel, Inlet, Place
from control_plane.signals.worker.settling import RETRY_SECONDS, Mouth, Settler
from strategy_runtime.wire import messages, names

POLL_SECONDS = 1.0
NOTE_SECONDS = 1.0
FORGET_SECONDS = 60.0
FLOOD = "It sent more than a container may: 50 frames or 1 MB a second."


@dataclass
class Intake:
    db: Database
    bus: Bus
    clock: Clock
    rng: Rng
    leases: Leases
    failpoints: Failpoints
    scale: float = 1.0
    _recorder: Recorder = field(init=False)
    _mouth: Mouth = field(init=False)
    _pulse: Pulse = field(init=False)
    _isolation: Isolation = field(init=False)
    _inlet: Inlet = field(default_factory=Inlet)
    _channels: dict[Place, Channel] = field(default_factory=dict)
    _cut: set[Place] = field(default_factory=set)
    _pages: list[Notes] = field(default_factory=list)  # torn off, not yet written down
    _noted: set[DeploymentId] = field(default_factory=set)
    _forgot: float = 0.0

    def __post_init__(self) -> None:
        self._recorder = Recorder(self.db, self.bus, self.rng, self.leases)
        self._mouth = Mouth(self.bus)
        self._isolation = Isolation(self.db, self.clock)
        self._pulse = Pulse(self.clock, self.bus.ping)

    async def run(self) -> None:
        """Starting is recovering: what was under way is said again by those who said it."""
        settler = Settler(self._inlet, self._recorder, self._mouth, self.clock, self.failpoints)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pulse.run(), name="intake-pulse")
                group.create_task(settler.run(), name="intake-settle")
                group.create_task(self._note(), name="intake-note")
                await self._watch(group)
        finally:
            self._channels.clear()
            self._inlet.clear()

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
            else:
                channel.launch = launch
        for place, launch in wanted.items():
            if place not in self._channels and place not in self._cut:
                self._open(launch, group)
        self._cut &= wanted.keys()
        await self._tell()

    def _open(self, launch: Launch, group: asyncio.TaskGroup) -> None:
        channel = Channel(launch, self.leases.epoch(launch.shard), launch.desired)
        name = names.up(launch.deployment, launch.generation)
        channel.subscriber = Subscriber(
            self.bus.url,
            name,
            lambda frame: self._inlet.hear(channel, frame, self.clock.monotonic()),
            self.clock,
            self.rng,
            self._pulse,
            FloodGauge(),
        )
        self._channels[channel.place] = channel
        channel.task = group.create_task(self._listen(channel, channel.subscriber), name=name)

    def _close(self, channel: Channel) -> None:
        if channel.task is not None:
            channel.task.cancel()
        self._leave(channel)

    def _leave(self, channel: Channel) -> None:
        """Its last words are still written down."""
        self._tear_off(channel)
        self._channels.pop(channel.place, None)

    async def _listen(self, channel: Channel, subscriber: Subscriber) -> None:
        await subscriber.run()  # returns on a flood alone
        deployment, generation = channel.place
        logger.warning("flood_cut", deployment=deployment, generation=generation)
        self._cut.add(channel.place)
        self._leave(channel)
        while True:
            try:
                await self._recorder.cut_off(deployment, generation, channel.launch.shard, FLOOD)
            except Unavailable as error:
                logger.warning("cut_off_waits", deployment=deployment, reason=str(error))
                await self.clock.sleep(RETRY_SECONDS)
            else:
                return

    async def _tell(self) -> None:
        """Pause and resume, until its heartbeat shows that it heard."""
        for channel in list(self._channels.values()):
            running = channel.launch.desired == "running"
            if running == (channel.told == "running"):
                continue
            control = messages.Control("resume" if running else "pause")
            if await self._mouth.say([(channel.place, control)]):
                channel.told = channel.launch.desired

    # ---- what is written down once a second ------------------------------------------------------

    async def _note(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(NOTE_SECONDS * self.scale):
                    await self._inlet.has_news.wait()
            is_news = self._inlet.has_news.is_set()
            self._inlet.has_news.clear()
            try:
                await self.note_once()
            except Unavailable as error:
                logger.warning("notes_lost", reason=str(error))
            if is_news:
                self.bus.hint(names.wake("fleet"))

    async def note_once(self) -> None:
        for channel in self._channels.values():
            self._tear_off(channel)
        pages, self._pages = self._pages, []
        self._noted |= {one.deployment for one in pages}
        due = self.clock.monotonic() - self._forgot >= FORGET_SECONDS
        await self._isolation.together(
            "deployment", pages, self._recorder.note, attrgetter("deployment")
        )
        if due:
            await self._recorder.forget(self._noted)
            self._noted.clear()
            self._forgot = self.clock.monotonic()

    def _tear_off(self, channel: Channel) -> None:
        page = channel.notebook.tear_off()
        if page is not None:
            deployment, generation = channel.place
            shard = channel.launch.shard
            self._pages.append(Notes(deployment, generation, shard, channel.epoch, page))
