"""Roles ask each other through rows, with and without a hint."""

from collections.abc import Mapping
from typing import Any

import pytest

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng, Shard
from control_plane.errors import Conflict, SlipwayError, Unavailable
from control_plane.infra.bus import Bus
from control_plane.infra.commands import Desk, answered, ask
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases

pytestmark = [pytest.mark.db, pytest.mark.redis]


async def double(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"twice": body["number"] * 2}


async def refuse(body: Mapping[str, Any]) -> Mapping[str, Any]:
    raise Conflict("It is stopped already.")


@pytest.fixture
async def desk(database: Database, bus: Bus, real_clock: Clock) -> Desk:
    leases = Leases("fleet", "me", "", database, real_clock, Failpoints(real_clock))
    await leases.once()
    return Desk("fleet", database, bus, real_clock, leases, {"double": double, "refuse": refuse})


async def test_a_command_is_carried_out_once_and_answered(
    database: Database, bus: Bus, rng: Rng, real_clock: Clock, desk: Desk
) -> None:
    identity = await database.write(ask, bus, rng, "fleet", Shard(3), "double", {"number": 21})
    assert await desk.once() == 1
    assert await desk.once() == 0
    assert await answered(database, real_clock, identity, 1) == {"twice": 42}


async def test_a_refusal_reaches_the_asker(
    database: Database, bus: Bus, rng: Rng, real_clock: Clock, desk: Desk
) -> None:
    identity = await database.write(ask, bus, rng, "fleet", Shard(3), "refuse", {})
    await desk.once()
    with pytest.raises(SlipwayError, match="stopped already"):
        await answered(database, real_clock, identity, 1)


async def test_no_answer_in_time_is_said(
    database: Database, bus: Bus, rng: Rng, real_clock: Clock
) -> None:
    identity = await database.write(ask, bus, rng, "fleet", Shard(3), "double", {"number": 1})
    with pytest.raises(Unavailable, match="No answer"):
        await answered(database, real_clock, identity, 0.1)
