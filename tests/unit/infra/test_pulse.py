"""The pulse knows of a stall before its own timer does."""

import asyncio
from dataclasses import dataclass, field

import pytest

from control_plane.infra.bus import BusUnavailable
from control_plane.infra.pulse import MEMORY_SECONDS, Pulse
from tests.fakes.clock import FakeClock


@dataclass
class FakeServer:
    """Answers at once, unless it is held."""

    free: asyncio.Event = field(default_factory=asyncio.Event)
    is_away: bool = False

    async def ask(self) -> None:
        if self.is_away:
            raise BusUnavailable("away")
        await self.free.wait()


@pytest.fixture
def server() -> FakeServer:
    made = FakeServer()
    made.free.set()
    return made


async def test_nothing_stalls_while_everything_answers(
    clock: FakeClock, server: FakeServer
) -> None:
    pulse = Pulse(clock, server.ask)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(pulse.run())
        await clock.advance(3)
        assert pulse.stalled() == pytest.approx(0, abs=1e-6)
        running.cancel()


async def test_a_loop_that_stood_still_counts_before_its_timer_ran(
    clock: FakeClock, server: FakeServer
) -> None:
    pulse = Pulse(clock, server.ask)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(pulse.run())
        await clock.advance(1)
        clock.seconds += 4  # nothing ran meanwhile
        assert pulse.stalled() == pytest.approx(4, abs=0.1)

        await clock.advance(0.5)
        assert pulse.stalled() == pytest.approx(4, abs=0.1)
        await clock.advance(MEMORY_SECONDS)
        assert pulse.stalled() == pytest.approx(0, abs=1e-6)
        running.cancel()


async def test_a_bus_without_an_answer_counts(clock: FakeClock, server: FakeServer) -> None:
    pulse = Pulse(clock, server.ask)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(pulse.run())
        await clock.advance(1)
        server.free.clear()
        await clock.advance(3)
        assert pulse.stalled() == pytest.approx(3, abs=0.2)
        server.free.set()
        await clock.advance(0.1)
        assert pulse.stalled() == pytest.approx(3, abs=0.2)
        running.cancel()


async def test_a_bus_that_is_away_counts_until_it_answers(
    clock: FakeClock, server: FakeServer
) -> None:
    pulse = Pulse(clock, server.ask)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(pulse.run())
        await clock.advance(1)
        server.is_away = True
        await clock.advance(5)
        assert pulse.stalled() == pytest.approx(5, abs=0.2)
        running.cancel()
