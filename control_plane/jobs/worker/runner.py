"""The fleet's side of jobs: a thin loop around `next_up` and `steps`.

What it made and did not write down is found again by its labels; what it wrote down and did not
make goes back into the queue.
"""

import asyncio
from dataclasses import dataclass, field

from loguru import logger

from control_plane.containers.errors import EngineUnreachable, LaunchFailed
from control_plane.containers.models import RunningJob
from control_plane.core.clock import Clock, ms
from control_plane.core.ids import JobId, Shard, shard_of
from control_plane.errors import SlipwayError, Unavailable
from control_plane.infra.bus import Bus, BusUnavailable
from control_plane.infra.db import Database
from control_plane.infra.isolation import Isolation
from control_plane.infra.leases import Leases
from control_plane.jobs.models.queue import Capacity, next_up
from control_plane.jobs.models.steps import Discard, Step, steps
from control_plane.jobs.service import running
from control_plane.jobs.service.checking import Checking
from control_plane.jobs.worker.hands import JobHands
from strategy_runtime.wire import names

LOOK_SECONDS = 1.0
BUSY_SECONDS = 0.3
SWEEP_SECONDS = 15.0
CLOSING_SECONDS = 10.0
STOPPED = "Slipway was stopped"


@dataclass
class Runner:
    db: Database
    bus: Bus
    clock: Clock
    leases: Leases
    hands: JobHands
    checking: Checking
    capacity: Capacity
    _busy: set[JobId] = field(default_factory=set)
    _kept: frozenset[Shard] = field(default_factory=frozenset)
    _closing: bool = False
    _swept: float = float("-inf")
    _isolation: Isolation = field(init=False)

    def __post_init__(self) -> None:
        self._isolation = Isolation(self.db, self.clock)

    async def run(self) -> None:
        async with self.bus.hints(names.wake("jobs")) as hint, asyncio.TaskGroup() as group:
            self._busy.clear()  # of a life before, which a bug has ended
            while True:
                wait = LOOK_SECONDS
                try:
                    wait = await self.once(group)
                except Unavailable as error:
                    logger.warning("jobs_wait", reason=str(error))
                await hint.wait(wait * self.hands.scale)

    async def once(self, group: asyncio.TaskGroup) -> float:
        """Take the next steps in tasks of the group; how long to wait if nothing happens."""
        owned = self.leases.owned()
        if self._closing or not owned:
            return LOOK_SECONDS
        if await self.db.read(self.checking.is_due):
            await self.db.write(self.checking.open_due)
        await self._keep_access(owned)
        changing = frozenset(self._busy)
        seen = await self.db.read(running.look, owned)
        if not seen.berths and not self._is_round():
            return LOOK_SECONDS
        found = await self._found(owned)
        due = steps(
            seen.berths,
            [r for r in found if shard_of(r.job) in owned],
            installation=self.hands.installation,
            now_ms=ms(self.clock.now()),
            chosen=self._chosen(seen, changing),
            busy=changing | self._busy,
        )
        due += await self._given_up([r for r in found if shard_of(r.job) not in owned])
        for step in due:
            if step.job not in self._busy:  # one at a time: the next look sees what it changed
                self._busy.add(step.job)
                group.create_task(self._take(step), name=f"job-{type(step).__name__.lower()}")
        return BUSY_SECONDS if seen.berths else LOOK_SECONDS

    async def _found(self, owned: frozenset[Shard]) -> list[RunningJob]:
        try:
            return await self.hands.launcher.list_jobs()
        except EngineUnreachable as error:
            await self.db.write(running.note_waiting, owned, str(error))
            raise

    def _is_round(self) -> bool:
        """Where nothing waits or runs, the engine is asked now and then: for what is nobody's."""
        now = self.clock.monotonic()
        if now - self._swept < SWEEP_SECONDS:
            return False
        self._swept = now
        return True

    async def settle(self) -> None:
        """Look again and again until there is nothing left to do now."""
        while True:
            async with asyncio.TaskGroup() as group:
                await self.once(group)
                if not self._busy:
                    return

    async def stop_all(self) -> None:
        """An ordered end: what runs goes back into the queue, for the next start."""
        self._closing = True
        deadline = self.clock.monotonic() + CLOSING_SECONDS
        while self._busy and self.clock.monotonic() < deadline:
            await self.clock.sleep(BUSY_SECONDS)
        try:
            ours = await self.hands.launcher.list_jobs()
            for r in ours:
                if shard_of(r.job) in self.leases.owned():
                    await self.hands.put_back(r.job, r.attempt, STOPPED)
                    await self.hands.launcher.remove(r.handle)
        except (EngineUnreachable, LaunchFailed) as error:
            logger.warning("jobs_left", reason=str(error))

    # ---- looking ---------------------------------------------------------------------------------

    def _chosen(self, seen: running.Harbour, changing: frozenset[JobId]) -> list[JobId]:
        """What is being started counts as running already."""
        starting = self._busy | changing
        waiting = [one for one in seen.waiting if one.job not in starting]
        on_the_way = [(one.tenant, one.kind) for one in seen.waiting if one.job in starting]
        return next_up(waiting, [*seen.running, *on_the_way], seen.served, self.capacity)

    async def _given_up(self, elsewhere: list[RunningJob]) -> list[Step]:
        """What runs here and whose shard went to another process: once that one has launched it
        anew, or ended it, nobody else would end this.
        """
        if not elsewhere:
            return []
        alive = await self.db.read(running.alive_of, {r.job for r in elsewhere})
        return [Discard(r.job, r.handle) for r in elsewhere if (r.job, r.attempt) not in alive]

    async def _keep_access(self, owned: frozenset[Shard]) -> None:
        """Users and tasks of running jobs, made again when Redis was lost or shards came to us."""
        access = self.hands.access
        is_marked = await access.is_marked()
        if not is_marked or not owned <= self._kept:
            living = await self.db.read(running.granted, owned)
            for one in living:
                await self.hands.give(one)
            known = await self.db.read(running.known, owned)
            await access.sweep_jobs(known, {one.rights.user for one in living})
            await access.mark()
        self._kept = owned

    async def _take(self, step: Step) -> None:
        """What fails is said, and tried again at the next look."""
        try:
            await self._isolation.run("job", step.job, self._done, step)
        except (EngineUnreachable, BusUnavailable) as error:
            logger.warning("job_step_failed", step=type(step).__name__, reason=str(error))
        except SlipwayError as error:
            logger.error("job_step_failed", step=type(step).__name__, reason=str(error))
        finally:
            self._busy.discard(step.job)

    async def _done(self, step: Step) -> None:
        await self.hands.do(step)
