"""Two installations trade with one broker key (H9): the second sees orders that are named as only
ours are, and that no row of its own knows.
"""

import sqlite3
from collections.abc import Iterator

import pytest

from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.ids import AccountId
from control_plane.infra import db
from control_plane.infra.db import Database
from control_plane.orders.models.invariants import FLAT_SECONDS
from control_plane.orders.service.checking import Checker
from control_plane.orders.service.guarding import Guard
from control_plane.orders.service.halting import Halts
from strategy_runtime.rules.instruments import Instrument
from tests.coindcx_sim.broker import broker_over, with_stops
from tests.conftest import raw
from tests.factories import future, spot
from tests.fakes.clock import FakeClock
from tests.unit.orders.desk import Slice
from tests.unit.orders.test_at_coindcx import at_coindcx

SPOT = spot(order_types=("limit", "market", "stop_limit"))


@pytest.fixture
def elsewhere(clock: FakeClock, blank: sqlite3.Connection) -> Iterator[Database]:
    database = db.connect("sqlite://", clock, inline=True)
    with database.engine.connect() as connection:
        blank.backup(raw(connection))
    yield database
    database.close()


async def sails(
    memory: Database, elsewhere: Database, clock: FakeClock, market: Instrument
) -> tuple[Slice, Slice]:
    """Both hold something, each by an order of its own, in one account there."""
    one = await at_coindcx(memory, clock, market)
    other = (await at_coindcx(elsewhere, clock, market)).ship
    keys = {AccountId("ac1"): Credentials("key", "secret")}
    other.restart(broker_over(one.exchange, clock, keys, with_stops()))
    other.trigger = 100  # or its orders would be the first one's, by their names
    for ship in (one.ship, other):
        await ship.signal("LONG")
        await ship.work(8)
        assert (await ship.only("trades")).state == "protected"
    await clock.advance(2 * FLAT_SECONDS)
    for ship in (one.ship, other):
        await ship.work(4)
    return one.ship, other


async def is_found_out(ship: Slice) -> str:
    """What the alarm says; entries of the account are halted, until a person has looked."""
    await ship.desk.leases.once()
    checker, halts = Checker(ship.desk), Halts(ship.db, ship.desk.bus)
    for _ in range(2):  # what is seen once may be under way
        await checker.once()
    (alarm,) = await ship.rows("alarm")
    assert await Guard(ship.desk, halts).once() == 1
    (halt,) = await halts.listed()
    assert (halt["scope"], halt["active"]) == ("account:ac1", True)
    return f"{alarm.rule}: {alarm.what}"


async def test_h9_on_spot_a_fill_that_is_named_ours_and_is_not_stops_entries(
    memory: Database, elsewhere: Database, clock: FakeClock
) -> None:
    one, other = await sails(memory, elsewhere, clock, SPOT)

    for ship in (one, other):
        told = await is_found_out(ship)
        assert told.startswith("I2: this order is named as only ours are, and is in no row")

    await other.signal("EXIT_LONG")
    await other.work(8)
    assert (await other.only("trades")).state == "closed", "an exit always goes"
    await other.signal("LONG")
    await other.work(4)
    assert (await other.only("skips")).reason == "halted"


async def test_h9_on_futures_a_position_that_is_not_our_trades_stops_entries(
    memory: Database, elsewhere: Database, clock: FakeClock
) -> None:
    for ship in await sails(memory, elsewhere, clock, future()):
        told = await is_found_out(ship)
        assert told.startswith("I7: fut:B-BTC_USDT holds ")
