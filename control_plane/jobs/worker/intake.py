"""The trading role's side of jobs: hears each that runs, stores what it says, acknowledges.

Each job is heard on a connection of its own, and what it sends is settled one frame after the
other. A flood ends the job.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from loguru import logger
from redis.exceptions import RedisError

from control_plane.core.clock import Clock
from control_plane.core.ids import JobId, Rng
from control_plane.errors import Unavailable
from control_plane.infra.bus import Bus
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.flood import FloodGauge
from control_plane.infra.isolation import Isolation
from control_plane.infra.leases import Leases
from control_plane.infra.pulse import Pulse
from control_plane.infra.subscriber import Subscriber
from control_plane.jobs.models.results import BadResult, verified
from control_plane.jobs.service.hearing import Line, Register
from strategy_runtime.wire import jobs as said
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import BadFrame

POLL_SECONDS = 0.5
RETRY_SECONDS = 0.2
PATIENCE = 20  # frames of one job that may wait before it is read no further
FLOOD = "it sent more than a container may: 50 frames or 1 MB a second"


@dataclass(eq=False)
class Channel:
    line: Line
    epoch: int
    frames: deque[said.JobUp] = field(default_factory=deque)
    due: asyncio.Event = field(default_factory=asyncio.Event)
    subscriber: Subscriber | None = None
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    flooded: bool = False

    def hear(self, frame: bytes) -> bool:
        """Take a frame in; whether its channel may be read on."""
        try:
            message = said.decode_up(frame)
        except BadFrame:
            return True  # nothing that it could mean; a flood of them is a flood
        if isinstance(message, said.JobProgress) and self.frames:
            return len(self.frames) < PATIENCE  # there is something that matters more
        self.frames.append(message)
        self.due.set()
        return len(self.frames) < PATIENCE

    def settled(self) -> None:
        if self.frames:
            self.frames.popleft()
        if len(self.frames) <= PATIENCE // 2 and self.subscriber is not None:
            self.subscriber.resume()


Work = Callable[[Channel], Awaitable[None]]


@dataclass
class JobIntake:
    clock: Clock
    bus: Bus
    rng: Rng
    leases: Leases
    register: Register
    failpoints: Failpoints
    scale: float = 1.0
    _channels: dict[JobId, Channel] = field(default_factory=dict)
    _pulse: Pulse = field(init=False)
    _isolation: Isolation = field(init=False)

    def __post_init__(self) -> None:
        self._pulse = Pulse(self.clock, self.bus.ping)
        self._isolation = Isolation(self.register.db, self.clock)

    async def run(self) -> None:
        """Starting is recovering: what was not acknowledged is said again."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pulse.run(), name="jobs-pulse")
                await self._watch(group)
        finally:
            self._channels.clear()

    async def _watch(self, group: asyncio.TaskGroup) -> None:
        async with self.bus.hints(names.wake("jobs")) as hint:
            while True:
                try:
                    await self.watch_once(group)
                except Unavailable as error:
                    logger.warning("job_intake_waits", reason=str(error))
                await hint.wait(POLL_SECONDS * self.scale)

    async def watch_once(self, group: asyncio.TaskGroup) -> None:
        """Listen to those that run and are ours, and to nobody else."""
        lines = {
            line.job: line
            for line in await self.register.lines()
            if self.leases.is_trusted(line.shard)
        }
        for job, channel in list(self._channels.items()):
            line = lines.get(job)
            if line is None or self.leases.epoch(line.shard) != channel.epoch:
                for task in channel.tasks:
                    task.cancel()
                del self._channels[job]
        for job, line in lines.items():
            if job not in self._channels:
                self._open(line, group)

    def _open(self, line: Line, group: asyncio.TaskGroup) -> None:
        channel = Channel(line, self.leases.epoch(line.shard))
        name = names.job_up(line.job)
        channel.subscriber = Subscriber(
            self.bus.url,
            name,
            channel.hear,
            self.clock,
            self.rng,
            self._pulse,
            FloodGauge(),
        )
        self._channels[line.job] = channel
        channel.tasks = [
            group.create_task(self._listen(channel, channel.subscriber), name=name),
            group.create_task(self._settle(channel), name=f"{name}-settle"),
        ]

    async def _listen(self, channel: Channel, subscriber: Subscriber) -> None:
        await subscriber.run()  # returns on a flood alone
        logger.warning("job_flood_cut", job=channel.line.job)
        with suppress(RedisError, OSError):
            await self.bus.client.acl_deluser(names.job_user(channel.line.job))
        channel.flooded = True
        channel.due.set()

    async def _settle(self, channel: Channel) -> None:
        while True:
            await channel.due.wait()
            channel.due.clear()
            if channel.flooded and await self._tried(channel, self._cut_off):
                return
            while channel.frames and not channel.flooded:
                if await self._tried(channel, self._first):
                    channel.settled()

    async def _tried(self, channel: Channel, work: Work) -> bool:
        try:
            await self._isolation.run("job", channel.line.job, work, channel)
        except Unavailable as error:
            logger.warning("job_intake_waits", reason=str(error))
            await self.clock.sleep(RETRY_SECONDS)
            channel.due.set()
            return False
        return True

    # ---- one frame -------------------------------------------------------------------------------

    async def _first(self, channel: Channel) -> None:
        line, epoch, message = channel.line, channel.epoch, channel.frames[0]
        match message:
            case said.JobHello(run=run):
                if await self.register.hello(line, epoch, run) == "heard":
                    await self._answer(line, said.JobWelcome(run))
            case said.JobProgress():
                await self.register.progress(line, epoch, message)
            case said.JobChunk(run=run, n=number):
                outcome = await self.register.chunk(line, epoch, message)
                await self.failpoints.hit("job.after_chunk_commit")
                if outcome == "heard":
                    await self._answer(line, said.JobAck(run, number))
            case said.JobDone():
                await self._done(channel, message)
            case said.JobFailed(run=run, n=number, reason=reason):
                if await self.register.failed(line, epoch, run, reason) == "heard":
                    await self._answer(line, said.JobAck(run, number))

    async def _done(self, channel: Channel, message: said.JobDone) -> None:
        line, epoch = channel.line, channel.epoch
        pieces = await self.register.pieces(line)
        try:
            result = await asyncio.to_thread(verified, line.kind, pieces, message)
        except BadResult as error:
            outcome = await self.register.failed(line, epoch, message.run, str(error))
        else:
            outcome = await self.register.done(line, epoch, message.run, result)
            await self.failpoints.hit("job.after_result_commit")
        if outcome == "heard":
            await self._answer(line, said.JobAck(message.run, message.n))

    async def _cut_off(self, channel: Channel) -> None:
        await self.register.failed(channel.line, channel.epoch, None, FLOOD)

    async def _answer(self, line: Line, message: said.JobWelcome | said.JobAck) -> None:
        """What is lost is asked for again."""
        with suppress(RedisError, OSError):
            await self.bus.client.publish(names.job_down(line.job), said.encode(message))
