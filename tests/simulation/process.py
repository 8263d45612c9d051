"""One trading process of a simulation: the real loops, interrupted at the seams where a real one
can be. Killed, it does nothing more, not even what stands in a `finally`; paused, it wakes up with
its leases gone and its timestamps old.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar

from control_plane.infra.db import DatabaseUnavailable, Tx
from control_plane.infra.failpoints import Failpoints
from tests.simulation.quick import QuickDatabase

P = ParamSpec("P")
T = TypeVar("T")

START = datetime(2026, 1, 5, tzinfo=UTC)


class Killed(BaseException):
    """The process ended inside a transaction, which therefore never happened."""


@dataclass
class SimClock:
    """Real time as everybody in the simulation has it."""

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


@dataclass(frozen=True)
class Perils:
    """How often, at each place where it can be, a process meets what. Shares."""

    kill: float = 0.0
    pause: float = 0.0
    longest_pause: float = 60.0
    socket_pause: float = 0.0  # between the last check and the first byte
    database: float = 0.0


@dataclass
class Fate:
    """What a process's seams ask before they go on."""

    rng: random.Random
    perils: Perils
    on_death: Callable[[], None]
    is_dead: bool = False
    asleep_until: float = 0.0
    is_safe: bool = False  # from now on nothing happens to it
    passed: int = 0

    async def step(self) -> None:
        """It may be killed here, or stand still for a while."""
        self.passed += 1
        if not self.is_safe and not self.is_dead:
            draw = self.rng.random()
            if draw < self.perils.kill:
                self.die()
            elif draw < self.perils.kill + self.perils.pause:
                pause = self.rng.uniform(0.1, 1) * self.perils.longest_pause
                self.asleep_until = asyncio.get_running_loop().time() + pause
        await self.go_on()

    async def before_socket(self) -> None:
        """The pause that nothing of ours can see: after it only the venue can refuse."""
        if not self.is_safe and self.rng.random() < self.perils.socket_pause:
            pause = self.rng.uniform(0.5, 1) * self.perils.longest_pause
            self.asleep_until = asyncio.get_running_loop().time() + pause
        await self.step()

    async def go_on(self) -> None:
        while not self.is_dead and self.asleep_until > asyncio.get_running_loop().time():
            await asyncio.sleep(self.asleep_until - asyncio.get_running_loop().time())
        if self.is_dead:
            await asyncio.get_running_loop().create_future()

    def die(self) -> None:
        if not self.is_dead:
            self.is_dead = True
            self.on_death()

    def loses_database(self) -> bool:
        return not self.is_safe and self.rng.random() < self.perils.database


@dataclass
class ProcessClock(SimClock):
    fate: Fate = field(kw_only=True)

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await self.fate.go_on()


@dataclass
class ProcessDatabase(QuickDatabase):
    """The shared database as one process reaches it."""

    fate: Fate = field(kw_only=True)

    async def write(
        self, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        await asyncio.sleep(0)
        await self.fate.step()
        is_lost = self.fate.loses_database()
        if is_lost and self.fate.rng.random() < 0.5:
            raise DatabaseUnavailable("The connection was lost before the commit.")
        try:
            result = self._transact(None, work, *args, **kwargs)
        except Killed:
            self.fate.die()
            await self.fate.go_on()
            raise
        if is_lost:
            raise DatabaseUnavailable("The connection was lost during the commit.")
        await self.fate.step()
        return result

    async def read(
        self, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        await self.fate.go_on()
        return self._look(None, work, *args, **kwargs)


@dataclass
class ProcessFailpoints(Failpoints):
    """Each named point is a place like any other."""

    fate: Fate | None = None

    async def hit(self, name: str) -> None:
        if self.fate is not None and name == "send.before_socket_write":
            await self.fate.before_socket()
        elif self.fate is not None:
            await self.fate.step()
        await super().hit(name)

    def hit_inside(self, name: str) -> None:
        fate = self.fate
        if fate is not None and not fate.is_safe and fate.rng.random() < fate.perils.kill:
            raise Killed(name)
        super().hit_inside(name)
