"""The loop that makes the engine agree with the database: a thin one around `steps`.

It looks after each hint, each event of the engine, each step it took, and every few seconds anyway.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from loguru import logger

from control_plane.containers.errors import EngineUnreachable
from control_plane.containers.models import Running
from control_plane.core.clock import Clock, ms
from control_plane.core.ids import DeploymentId, Shard, shard_of
from control_plane.deployments.models.fleet import steps, unreachable
from control_plane.deployments.models.wishes import Discard, Launch, Observe, Step, Stop, Wish
from control_plane.deployments.service import reconciling
from control_plane.deployments.service.reconciling import Ship
from control_plane.deployments.worker.hands import Hands
from control_plane.deployments.worker.senses import Senses
from control_plane.errors import SlipwayError, Unavailable
from control_plane.infra import leases as lease_rows
from control_plane.infra.bus import Bus, BusUnavailable, Hint
from control_plane.infra.db import Database, Tx
from control_plane.infra.isolation import Isolation
from control_plane.infra.leases import Leases
from strategy_runtime.wire import names

BURST = 4
RELISTEN_SECONDS = 1.0
AFTER_EVENT_SECONDS = 0.1
LEAST_WAIT_SECONDS = 0.05
ON_THE_WAY = ("pending", "starting", "warming", "stopping")
ON_THE_WAY_SECONDS = 0.5
SUSPECT_SECONDS = 0.5
CLOSING_SECONDS = 10.0  # for launches under way
CLOSING_LOOKS = 3
TRADING = "trading"


@dataclass
class Budget:
    """How many launches the machine is asked for: a few at once, then so many a second."""

    per_second: float
    clock: Clock
    _left: float = BURST
    _at: float = float("-inf")

    def left(self) -> int:
        now = self.clock.monotonic()
        if self._at > float("-inf"):
            self._left = min(BURST, self._left + (now - self._at) * self.per_second)
        self._at = now
        return int(self._left)

    def spend(self, launches: int) -> None:
        self._left -= launches

    def until_next(self) -> float:
        """Seconds, if a launch may be waiting for its turn."""
        return 1 / self.per_second if self._left < 1 else float("inf")


@dataclass
class Reconciler:
    db: Database
    bus: Bus
    clock: Clock
    leases: Leases
    hands: Hands
    senses: Senses
    budget: Budget
    sweep_seconds: float
    _hint: Hint = field(default_factory=Hint)
    _busy: set[DeploymentId] = field(default_factory=set)
    _closing: bool = False
    _isolation: Isolation = field(init=False)

    def __post_init__(self) -> None:
        self._isolation = Isolation(self.db, self.clock)

    async def run(self) -> None:
        async with self.bus.hints(names.wake("fleet")) as hint, asyncio.TaskGroup() as group:
            self._hint = hint
            self._busy.clear()  # of a life before, which a bug has ended
            while True:
                wait = self.sweep_seconds * self.hands.policy.scale
                try:
                    wait = min(wait, await self.once(group))
                except Unavailable as error:
                    logger.warning("fleet_waits", reason=str(error))
                await hint.wait(wait)

    async def listen(self) -> None:
        """The engine's own word of what has changed. When it ends, everything is looked at."""
        while True:
            with suppress(EngineUnreachable):
                async with aclosing(self.hands.launcher.events()) as changes:
                    async for _ in changes:
                        self._hint.set()
                        # An engine tells of a death a moment before its own list shows it.
                        await self.clock.sleep(AFTER_EVENT_SECONDS)
                        self._hint.set()
            self._hint.set()
            await self.clock.sleep(RELISTEN_SECONDS * self.hands.policy.scale)

    async def once(self, group: asyncio.TaskGroup) -> float:
        """Take the next steps in tasks of the group; how long to wait if nothing happens."""
        owned = self.leases.owned()
        if self._closing or not owned:
            return self.sweep_seconds
        # A step that ends while we look has changed what we have read already.
        changing = frozenset(self._busy)
        found = await self.db.read(_look, owned)
        wishes = await self._judged(*found)
        now = ms(self.clock.now())
        due = await self._due(wishes, owned, now, changing)
        told = [step for step in due if isinstance(step, Observe)]
        if told:
            await self.db.write(_tell, told)
        for step in due:
            if not isinstance(step, Observe):
                self._busy.add(step.deployment)
                group.create_task(self._take(step), name=f"fleet-{type(step).__name__.lower()}")
        self.budget.spend(sum(isinstance(step, Launch) for step in due))
        soon = SUSPECT_SECONDS if self.senses.suspects else float("inf")
        return min(_until_next(wishes, now), self.budget.until_next(), soon)

    async def settle(self) -> None:
        """Look again and again until there is nothing left to do now."""
        while True:
            async with asyncio.TaskGroup() as group:
                await self.once(group)
                if not self._busy:
                    return

    async def stop_all(self) -> None:
        """An ordered end: every container of ours, at once. Their generations are closed, so that
        the next start launches new ones.
        """
        self._closing = True
        deadline = self.clock.monotonic() + CLOSING_SECONDS
        while self._busy and self.clock.monotonic() < deadline:
            await self.clock.sleep(LEAST_WAIT_SECONDS)
        for _ in range(CLOSING_LOOKS):  # what failed once, for so many end together, is tried again
            try:
                running = await self._running(self.leases.owned())
            except EngineUnreachable as error:
                logger.warning("containers_left", reason=str(error))
                return
            if not running:
                return
            async with asyncio.TaskGroup() as group:
                for r in running:
                    step = Stop(r.deployment, r.generation, r.handle, "Slipway was stopped")
                    group.create_task(self._take(step), name="fleet-stop")

    async def cut_off(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The command by which the trading role has a container stopped."""
        deployment = DeploymentId(str(body["deployment"]))
        await self.hands.cut_off(deployment, int(body["generation"]), str(body["reason"]))
        self._hint.set()
        return {}

    async def _judged(self, ships: list[Ship], owners: dict[Shard, tuple[str, int]]) -> list[Wish]:
        found = await self.senses.conditions(ships, owners)
        return [
            replace(s.wish, condition=found.get(s.wish.deployment, s.wish.condition)) for s in ships
        ]

    async def _due(
        self,
        wishes: list[Wish],
        owned: frozenset[Shard],
        now: int,
        changing: frozenset[DeploymentId],
    ) -> list[Step]:
        try:
            found = await self.hands.launcher.list_ours()
        except EngineUnreachable as error:
            return unreachable(wishes, str(error))
        elsewhere = [r for r in found if shard_of(r.deployment) not in owned]
        due = steps(
            wishes,
            [r for r in found if shard_of(r.deployment) in owned],
            installation=self.hands.installation,
            now_ms=now,
            policy=self.hands.policy,
            budget=self.budget.left(),
            busy=changing | self._busy,
        )
        return _one_each(due + await self._given_up(elsewhere, changing))

    async def _given_up(
        self, elsewhere: list[Running], changing: frozenset[DeploymentId]
    ) -> list[Step]:
        """What runs here and whose shard went to another process: once that one has written it off,
        nobody else would end it.
        """
        if not elsewhere:
            return []
        alive = await self.db.read(reconciling.alive_of, {r.deployment for r in elsewhere})
        return [
            Discard(r.deployment, r.handle)
            for r in elsewhere
            if (r.deployment, r.generation) not in alive
            and r.installation == self.hands.installation
            and r.deployment not in changing | self._busy
        ]

    async def _running(self, owned: frozenset[Shard]) -> list[Running]:
        found = await self.hands.launcher.list_ours()
        return [r for r in found if shard_of(r.deployment) in owned]

    async def _take(self, step: Step) -> None:
        """What fails is said, and tried again at the next look."""
        try:
            done = await self._isolation.run("deployment", step.deployment, self._done, step)
        except (EngineUnreachable, BusUnavailable) as error:
            logger.warning("step_failed", step=type(step).__name__, reason=str(error))
            self._busy.discard(step.deployment)
            return
        except SlipwayError as error:
            logger.error("step_failed", step=type(step).__name__, reason=str(error))
            self._busy.discard(step.deployment)
            return
        self._busy.discard(step.deployment)
        if done:
            self._hint.set()

    async def _done(self, step: Step) -> bool:
        await self.hands.do(step)
        return True


def _look(tx: Tx, owned: frozenset[Shard]) -> tuple[list[Ship], dict[Shard, tuple[str, int]]]:
    return reconciling.ships(tx, owned), lease_rows.holders(tx, TRADING)


def _tell(tx: Tx, told: list[Observe]) -> None:
    for step in told:
        reconciling.observe(tx, step.deployment, step.observed, step.reason)


def _one_each(due: list[Step]) -> list[Step]:
    """One step for a deployment at a time: the next look sees what it has changed."""
    chosen: dict[DeploymentId, Step] = {}
    rest: list[Step] = []
    for step in due:
        if isinstance(step, Observe):
            rest.append(step)
        else:
            chosen.setdefault(step.deployment, step)
    return rest + list(chosen.values())


def _until_next(wishes: list[Wish], now: int) -> float:
    """What is on its way somewhere is looked at more often: whoever started it is watching."""
    if any(w.is_wanted and w.observed in ON_THE_WAY and w.retry_ms <= now for w in wishes):
        return ON_THE_WAY_SECONDS
    retries = [w.retry_ms - now for w in wishes if w.is_wanted and w.retry_ms > now]
    return max(LEAST_WAIT_SECONDS, min(retries, default=60_000) / 1000)
