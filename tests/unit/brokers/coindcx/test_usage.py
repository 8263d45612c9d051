"""How full the limits are, told for people: addresses, the busiest keys, and no key whole."""

from dataclasses import asdict

from control_plane.brokers.coindcx.calls import Bucket
from control_plane.brokers.coindcx.keeping import MOST_KEYS, UsageKeeper, told
from control_plane.brokers.coindcx.limits import Limiter
from control_plane.brokers.coindcx.opening import OpenLanes
from control_plane.brokers.coindcx.sight import Sight
from control_plane.brokers.coindcx.skew import Skew
from control_plane.brokers.coindcx.store import current_usage
from control_plane.core.clock import Clock
from control_plane.infra.db import Database
from tests.coindcx_sim.broker import broker_over
from tests.coindcx_sim.build import exchange
from tests.fakes.clock import FakeClock


def used(keys: int) -> Limiter:
    limiter = Limiter()
    for n in range(keys):
        for _ in range(n + 1):
            limiter.take(0, (f"key secret-{n:04}", "address direct"), Bucket.GENERAL)
    return limiter


def test_a_key_is_told_by_its_end_and_only_the_busiest_are() -> None:
    found = told(used(MOST_KEYS + 10).usage(1))
    keys = [one for one in found if one.name.startswith("key")]
    assert len(keys) == MOST_KEYS
    assert keys[0].name == "key …0059"
    assert "secret" not in str([asdict(one) for one in found])
    assert "address direct" in [one.name for one in found]


def ways(limiter: Limiter, clock: Clock) -> OpenLanes:
    lanes = broker_over(exchange(), clock, {}).lanes
    return OpenLanes(lanes, limiter, (), Skew(clock), Sight(clock))


async def test_what_ended_processes_said_is_forgotten(memory: Database, clock: FakeClock) -> None:
    await UsageKeeper(memory, clock, "one", ways(used(2), clock)).once()
    first = await memory.read(current_usage)
    await clock.advance(31)
    assert await memory.read(current_usage) == []
    await UsageKeeper(memory, clock, "two", ways(used(1), clock)).once()
    rows = await memory.read(current_usage)

    assert {row.holder for row in first} == {"one"}
    assert {row.holder for row in rows} == {"two"}
