"""Two market processes on one database make one market only if they make it alike."""

import pytest

from control_plane.core.clock import MarketTime
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.market import service, store
from control_plane.market.errors import OtherPace
from control_plane.settings import MarketSettings
from tests.fakes.clock import FakeClock

SIXTY = MarketSettings(speed=60)


def leases(memory: Database, clock: FakeClock, holder: str, folder: str) -> Leases:
    return Leases("market", holder, folder, memory, clock, Failpoints(clock))


@pytest.fixture
async def running(memory: Database, clock: FakeClock) -> Leases:
    """A process that makes the market at sixty times."""
    time = MarketTime(0, 0, 60)
    await memory.write(store.keep_time, service.SIMULATED, time, SIXTY.seed, "first start")
    made = leases(memory, clock, "one", "its folder")
    await made.once()
    return made


async def test_another_speed_is_refused_with_a_sentence(
    memory: Database, clock: FakeClock, running: Leases
) -> None:
    other = leases(memory, clock, "two", "another folder")
    with pytest.raises(OtherPace, match="at speed 60 with seed 7, and this one would at speed 1"):
        await memory.read(service.refuse_other_pace, other, MarketSettings())


async def test_the_same_pace_a_real_market_and_a_successor_are_not(
    memory: Database, clock: FakeClock, running: Leases
) -> None:
    other = leases(memory, clock, "two", "another folder")
    await memory.read(service.refuse_other_pace, other, SIXTY)
    await memory.read(service.refuse_other_pace, other, MarketSettings(feeds=("coindcx",)))
    successor = leases(memory, clock, "two", "its folder")
    await memory.read(service.refuse_other_pace, successor, MarketSettings())
    await clock.advance(20)  # the other has ended
    await memory.read(service.refuse_other_pace, other, MarketSettings())
