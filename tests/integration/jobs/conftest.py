"""Jobs from end to end: a queue on a real database, a real bus, real containers or processes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import msgspec
import pytest

from control_plane.containers.access import Access
from control_plane.containers.docker.adapter import DockerLauncher
from control_plane.containers.docker.engine import Engine
from control_plane.containers.environment import BusAddress
from control_plane.containers.models import Launcher
from control_plane.containers.process.adapter import ProcessLauncher
from control_plane.core.ids import JobId, Tenant, random_id
from control_plane.infra import db
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.infra.rng import SystemRng
from control_plane.jobs import service
from control_plane.jobs.models.job import OVER, CandlesWish, Job, Order
from control_plane.jobs.models.queue import Capacity
from control_plane.jobs.service.checking import Checking
from control_plane.jobs.service.hearing import Register
from control_plane.jobs.worker import Chandler, JobHands, JobIntake, Runner
from control_plane.market import store as market
from control_plane.market.models.catalogue import LISTINGS
from control_plane.settings import JobSettings
from control_plane.strategies.service import Strategies, Version
from control_plane.tables import SCHEMA
from strategy_runtime.wire.jobs import Kind
from tests.conftest import wait_until
from tests.fakes.strategies import check_here
from tests.integration.containers.conftest import image

__all__ = ["image"]

ME, YOU = Tenant("me"), Tenant("you")
GOOD = """
from strategy_runtime import BaseStrategy, param

class Crossover(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "5m"
    fast: int = param(8, ge=2, le=50)
    slow: int = param(21, ge=3, le=200)

    def on_start(self):
        self.fast_ma, self.slow_ma = self.sma(self.fast), self.sma(self.slow)

    def on_candle(self, candle):
        if self.fast_ma.crossed_above(self.slow_ma):
            return self.long(stop_loss=candle.close * 0.99, take_profit=candle.close * 1.02)
        if self.fast_ma.crossed_below(self.slow_ma):
            return self.exit_long()
"""
START = "    def on_start(self):\n"


def starting(code: str) -> str:
    """The good strategy, doing this as it starts."""
    return GOOD.replace(START, f"{START}{indent(dedent(code).strip(), ' ' * 8)}\n", 1)


@dataclass
class Yard:
    """Both sides of jobs, with their loops running."""

    db: Database
    bus: Bus
    launcher: Launcher
    folder: Path
    installation: str
    trusted: frozenset[Tenant] = frozenset({ME, YOU})
    limits: JobSettings = field(default_factory=JobSettings)
    points: Failpoints = field(default_factory=lambda: Failpoints(RealClock()))
    holder: str = "me:1"

    def __post_init__(self) -> None:
        clock, rng = RealClock(), SystemRng()
        self.strategies = Strategies(self.db, rng, check_here, is_tried=True)
        self.fleet = Leases("fleet", self.holder, "here", self.db, clock, self.points)
        self.trading = Leases("trading", self.holder, "here", self.db, clock, self.points)
        self.access = Access(self.bus, f"jobs:{self.holder}")
        self.runner = Runner(
            self.db,
            self.bus,
            clock,
            self.fleet,
            JobHands(
                self.installation,
                self.db,
                self.bus,
                clock,
                rng,
                self.launcher,
                self.access,
                self.points,
                Chandler(self.db, clock, self.folder, 50_000),
                lambda _tx, tenant, _code: tenant in self.trusted,
            ),
            Checking(self.bus, rng, self.limits, "image"),
            Capacity(self.limits.parallel, self.limits.per_tenant),
        )
        register = Register(self.db, self.bus, self.trading)
        self.intake = JobIntake(clock, self.bus, rng, self.trading, register, self.points)

    @asynccontextmanager
    async def sails(self) -> AsyncIterator[None]:
        """Its loops run inside."""
        await self.fleet.once()
        await self.trading.once()
        async with asyncio.TaskGroup() as group:
            loops = (self.fleet.run, self.trading.run, self.runner.run, self.intake.run)
            tasks = [group.create_task(loop()) for loop in loops]
            yield
            for task in tasks:
                task.cancel()

    async def add(self, code: str = GOOD, kind: Kind = "backtest", **changes: Any) -> JobId:
        order: dict[str, Any] = {
            "kind": kind,
            "tenant": ME,
            "subject": "test",
            "code": code,
            "code_sha256": sha256(code.encode()).hexdigest(),
            "instrument": "fut:B-BTC_USDT",
            "resolution": "5m",
            "candles": CandlesWish("made", "fut:B-BTC_USDT", ("5m",), count=600),
            "memory_mb": 256,
            "cpus": 1.0,
            "seconds": 60,
            "rules": rules(),
            **changes,
        }
        return await self.db.write(service.add, self.bus, SystemRng(), Order(**order), self.limits)

    async def job(self, job: JobId) -> Job:
        return await self.db.read(service.find, job)

    async def over(self, job: JobId, seconds: float = 60.0) -> Job:
        found = await self.job(job)

        async def is_over() -> bool:
            nonlocal found
            found = await self.job(job)
            return found.state in OVER

        try:
            await wait_until(is_over, seconds, "its end")
        except AssertionError as error:
            raise AssertionError(f"{error}: {found}") from error
        return found

    async def cancel(self, job: JobId) -> None:
        await self.db.write(service.cancel, self.bus, ME, job)

    async def headline(self, job: JobId) -> Any:
        return (await self.db.read(service.headlines, {job}))[job]

    async def checked(self, version: Version, seconds: float = 60.0) -> Version:
        found = version

        async def is_checked() -> bool:
            nonlocal found
            found = await self.strategies.version(version.tenant, version.id)
            return found.state in ("passed", "failed")

        await wait_until(is_checked, seconds, f"a verdict ({found.note})")
        return found

    async def left_is(self, number: int) -> bool:
        """Containers that stand, whatever their state."""
        return len(await self.launcher.list_jobs()) == number


def rules() -> dict[str, Any]:
    return dict(msgspec.to_builtins(LISTINGS[5].instrument))


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Database]:
    opened = db.connect(f"sqlite:///{tmp_path / 'jobs.db'}", RealClock())
    SCHEMA.create_all(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
async def yard(
    image: str, rows: Database, bus: Bus, redis_server: EmbeddedServer, tmp_path: Path
) -> AsyncIterator[Yard]:
    """On a real engine."""
    clock = RealClock()
    installation = random_id("test", SystemRng())
    points = Failpoints(clock)
    address = BusAddress(socket=str(redis_server.socket_path))
    launcher = DockerLauncher(installation, image, address, Engine(), points)
    await rows.write(market.list_instruments, [x.instrument for x in LISTINGS], "simulated")
    yield Yard(rows, bus, launcher, tmp_path / "candles", installation, points=points)
    for found in await launcher.list_jobs():
        await launcher.remove(found.handle)
    await launcher.close()


@pytest.fixture
async def dry_yard(
    rows: Database, bus: Bus, redis_server: EmbeddedServer, tmp_path: Path
) -> AsyncIterator[Yard]:
    """Where no engine is: plain processes."""
    clock = RealClock()
    points = Failpoints(clock)
    address = BusAddress(socket=str(redis_server.socket_path))
    launcher = ProcessLauncher("test", tmp_path / "containers", address, clock, points)
    await rows.write(market.list_instruments, [x.instrument for x in LISTINGS], "simulated")
    yield Yard(rows, bus, launcher, tmp_path / "candles", "test", points=points)
    for found in await launcher.list_jobs():
        await launcher.remove(found.handle)
