"""An intake on a real bus and a real database, with leases of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest

from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints, parse
from control_plane.infra.leases import Leases
from control_plane.infra.rng import SystemRng
from control_plane.signals.worker import Intake

SCALE = 0.1
LONG = 20.0  # leases that outlast a slow test: nobody renews them


@dataclass
class Trading:
    """One trading process: its leases and its intake, alive until the block ends."""

    intake: Intake
    leases: Leases
    task: "asyncio.Task[None]"


Start = Callable[..., AbstractAsyncContextManager[Trading]]


@pytest.fixture
def trading(bus: Bus, database: Database) -> Start:
    @asynccontextmanager
    async def start(holder: str = "one", failpoints: str = "") -> AsyncIterator[Trading]:
        clock, rng = RealClock(), SystemRng()
        points = Failpoints(clock, armed=dict(parse(failpoints)))
        leases = Leases("trading", holder, "here", database, clock, points, LONG)
        await leases.once()
        intake = Intake(database, bus, clock, rng, leases, points, SCALE)
        task = asyncio.get_running_loop().create_task(intake.run())
        try:
            yield Trading(intake, leases, task)
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not failpoints and not task.cancelled():
                task.result()

    return start
