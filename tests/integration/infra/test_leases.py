"""Leases on a real database: shares, take-over, fencing."""

import pytest

from control_plane.core.clock import Clock
from control_plane.core.ids import SHARDS, Shard
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases, held_in

pytestmark = pytest.mark.db


def hold(
    database: Database, clock: Clock, holder: str, installation: str = "", protocol: int = 1
) -> Leases:
    points = Failpoints(clock)
    return Leases("trading", holder, installation, database, clock, points, protocol=protocol)


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


async def test_h6_an_older_build_takes_no_shard_that_a_newer_one_has_held(
    database: Database, real_clock: Clock
) -> None:
    old, new = hold(database, real_clock, "old"), hold(database, real_clock, "new", protocol=2)
    for one in (old, new, old, new, old, new):
        await one.once()
    assert len(old.owned()) == len(new.owned()) == SHARDS // 2, "what it has it may keep"
    assert old.refusal is not None

    await old.release()
    again = hold(database, real_clock, "old again")
    await again.once()
    await new.once()
    await again.once()

    assert len(new.owned()) == SHARDS, "nothing is kept free for one that may not take it"
    assert again.owned() == frozenset()
    assert again.refusal == (
        "This build is too old for the role trading: a newer one, of protocol 2, has had its shards"
        " (ours is 1). Start that one."
    )


async def test_h6_a_newer_build_goes_on_where_an_older_one_ended(
    database: Database, real_clock: Clock
) -> None:
    before = hold(database, real_clock, "old", "here")
    await before.once()
    after = hold(database, real_clock, "new", "here", protocol=2)
    await after.once()
    assert len(after.owned()) == SHARDS
    assert after.refusal is None

    back = hold(database, real_clock, "old again", "here")
    await back.once()
    assert back.owned() == frozenset()


async def test_h6_an_old_build_alone_keeps_what_it_has(
    database: Database, real_clock: Clock
) -> None:
    """Exits are served still while a newer one has come and gone."""
    old, new = hold(database, real_clock, "old"), hold(database, real_clock, "new", protocol=2)
    for one in (old, new, old, new):
        await one.once()
    await new.release()
    await old.once()

    assert len(old.owned()) == SHARDS // 2
