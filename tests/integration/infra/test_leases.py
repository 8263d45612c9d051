"""Leases on a real database: shares, take-over, fencing."""

import pytest

from control_plane.core.clock import Clock
from control_plane.core.ids import SHARDS, Shard
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases, held_in

pytestmark = pytest.mark.db


def hold(database: Database, clock: Clock, holder: str, installation: str = "") -> Leases:
    return Leases("trading", holder, installation, database, clock, Failpoints(clock))


async def test_one_process_takes_every_shard(database: Database, real_clock: Clock) -> None:
    alone = hold(database, real_clock, "a")
    await alone.once()
    assert len(alone.owned()) == SHARDS
    assert alone.epoch(Shard(0)) == 1


async def test_two_processes_share_fairly(database: Database, real_clock: Clock) -> None:
    first, second = hold(database, real_clock, "a"), hold(database, real_clock, "b")
    await first.once()
    await second.once()
    assert second.owned() == frozenset(), "nothing is free yet, but it is known from now on"

    await first.once()
    await second.once()
    assert len(first.owned()) == len(second.owned()) == SHARDS // 2
    assert not first.owned() & second.owned()


async def test_a_restart_takes_its_predecessors_leases_at_once(
    database: Database, real_clock: Clock
) -> None:
    before = hold(database, real_clock, "a", "here")
    await before.once()
    after = hold(database, real_clock, "b", "here")
    await after.once()

    assert len(after.owned()) == SHARDS
    shard = min(after.owned())
    assert after.epoch(shard) == before.epoch(shard) + 1
    assert await database.read(held_in, "trading", shard, "b", after.epoch(shard))
    assert not await database.read(held_in, "trading", shard, "a", before.epoch(shard))


async def test_an_expired_lease_is_free(database: Database, real_clock: Clock) -> None:
    short = Leases("trading", "a", "", database, real_clock, Failpoints(real_clock), scale=0.005)
    await short.once()
    await real_clock.sleep(0.1)
    assert short.owned() == frozenset(), "its own clock let go first"

    other = hold(database, real_clock, "b")
    await other.once()
    assert len(other.owned()) == SHARDS
