"""What becomes of positions whose deployment was given up."""

import pytest

from control_plane.infra.commands import commands
from control_plane.infra.db import Database
from control_plane.orders.service.leaving import Leaver
from tests.fakes.clock import FakeClock
from tests.unit.orders.desk import DEPLOYMENT, Slice, futures, sail

ASKED = {"deployment": DEPLOYMENT, "reason": "5 crashes within 10 min"}


@pytest.fixture
async def ship(memory: Database, clock: FakeClock) -> Slice:
    return await sail(memory, clock)


async def held(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    assert (await ship.only("trades")).state == "protected"


async def test_flatten_closes_what_it_holds(ship: Slice) -> None:
    await held(ship)

    done = await Leaver(ship.desk).flatten(ASKED)
    await ship.work(5)

    assert done == {"left": 1, "denied": 0, "handed_on": 0}
    trade = await ship.only("trades")
    assert (trade.state, trade.exit_reason) == ("closed", "crash")


async def test_asked_twice_it_leaves_once(ship: Slice) -> None:
    await held(ship)

    await Leaver(ship.desk).flatten(ASKED)
    again = await Leaver(ship.desk).flatten(ASKED)

    assert again["left"] == 0
    assert len([row for row in await ship.rows("intents") if row.leg == "exit"]) == 1


async def test_reduce_closes_spot_and_leaves_a_future_its_stop(
    memory: Database, clock: FakeClock
) -> None:
    ship = await futures(memory, clock)
    await held(ship)

    assert (await Leaver(ship.desk).reduce(ASKED))["left"] == 0
    assert (await Leaver(ship.desk).flatten(ASKED))["left"] == 1


async def test_reduce_closes_spot(ship: Slice) -> None:
    await held(ship)

    assert (await Leaver(ship.desk).reduce(ASKED))["left"] == 1


async def test_an_entry_that_has_not_left_does_not_leave(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.desk.leases.once()
    await ship.loops.planner.once()

    done = await Leaver(ship.desk).flatten(ASKED)
    await ship.work(5)

    assert done["denied"] == 1
    entry = await ship.only("intents", leg="entry")
    assert (entry.state, entry.reason) == ("DENIED", "given up: 5 crashes within 10 min")


async def test_a_trade_of_another_s_shard_is_handed_on(ship: Slice) -> None:
    await held(ship)
    trade = await ship.only("trades")
    await ship.desk.leases.release()

    done = await Leaver(ship.desk).flatten(ASKED)

    assert (done["left"], done["handed_on"]) == (0, 1)
    (row,) = await ship.db.read(lambda tx: tx.all(commands.select()))
    assert (row.role, row.kind, row.shard, row.state) == (
        "trading",
        "flatten",
        trade.shard,
        "asked",
    )
