"""The first signal after somebody subscribed finds a price, if there is one to be found."""

import pytest

from control_plane.core.ids import InstrumentId
from control_plane.infra.db import Database
from tests.fakes.clock import FakeClock
from tests.unit.orders.desk import Slice, sail


@pytest.fixture
async def ship(memory: Database, clock: FakeClock) -> Slice:
    made = await sail(memory, clock)
    made.quotes.held.clear()
    return made


async def test_an_entry_waits_a_moment_for_its_first_price_and_is_planned_once_it_is_there(
    ship: Slice,
) -> None:
    await ship.signal("LONG")
    assert await ship.loops.planner.once() == 1, "there is work: the loop comes back at once"
    assert (await ship.only("signal")).state == "accepted"
    await ship.clock.advance(1.9)
    await ship.loops.planner.once()
    assert await ship.rows("skips") == []

    await ship.price("50000")
    await ship.loops.planner.once()
    assert (await ship.only("intents")).leg == "entry"


async def test_after_two_seconds_it_is_skipped_with_its_reason(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.clock.advance(2)
    await ship.loops.planner.once()
    assert (await ship.only("skips")).reason == "no_price"


async def test_an_exit_waits_for_no_price_and_what_came_before_it_goes_first(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.signal("EXIT_LONG")
    await ship.loops.planner.once()
    assert {row.state for row in await ship.rows("signal")} == {"planned"}
    assert {row.reason for row in await ship.rows("skips")} == {"no_price", "no_position"}


async def test_whose_price_is_there_does_not_wait_for_whose_is_not(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.signal("LONG", deployment_id="other", instrument="spot:I-USDT_INR")
    usdt = InstrumentId("spot:I-USDT_INR")
    await ship.price("50000")
    ship.quotes.held[usdt] = ship.quotes.held.pop(InstrumentId(ship.instrument.id))
    await ship.loops.planner.once()
    states = {row.instrument: row.state for row in await ship.rows("signal")}
    assert states == {ship.instrument.id: "accepted", usdt: "planned"}
