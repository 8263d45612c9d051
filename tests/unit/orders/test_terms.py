"""What a trader chooses, through the real loops: how a subscription ends, whom its entries may not
reach, and how far its author lets anybody lever.
"""

from typing import Any

import pytest
from sqlalchemy import update

from control_plane.core.ids import SubscriptionId, Tenant
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.infra.rng import SeededRng
from control_plane.subscriptions.service import Subscriptions
from control_plane.tables import SCHEMA
from tests.factories import D
from tests.fakes.clock import FakeClock
from tests.unit.orders.desk import Slice, futures, sail, subscribe

TRADER, WHICH = Tenant("us1"), SubscriptionId("su1")


@pytest.fixture
async def ship(memory: Database, clock: FakeClock) -> Slice:
    return await sail(memory, clock)


def terms_of(ship: Slice) -> Subscriptions:
    return Subscriptions(ship.db, SeededRng(2), Bus("redis://127.0.0.1:1", ship.clock))


async def subscription(ship: Slice) -> Any:
    return await ship.only("subscription", id=WHICH)


async def test_cancelled_and_kept_a_position_stays_with_its_stop_until_the_strategy_leaves(
    ship: Slice,
) -> None:
    await ship.signal("LONG")
    await ship.work()
    await terms_of(ship).cancel(TRADER, WHICH, by="ann")
    await ship.work(5)
    assert (await ship.only("trades")).state == "protected"
    assert (await ship.only("intents", leg="sl")).state == "OPEN"

    await ship.signal("EXIT_LONG")
    await ship.work()
    trade = await ship.only("trades")
    assert (trade.state, trade.exit_reason) == ("closed", "signal")


async def test_cancelled_and_closed_a_position_is_left_once_and_the_wish_is_done(
    ship: Slice,
) -> None:
    await ship.signal("LONG")
    await ship.work()
    await terms_of(ship).cancel(TRADER, WHICH, "close", by="ann")
    await ship.work(5)

    trade = await ship.only("trades")
    assert (trade.state, trade.exit_reason) == ("closed", "hand")
    assert (await ship.only("intents", leg="sl")).state == "CANCELLED"
    await ship.only("intents", leg="exit")
    assert (await subscription(ship)).positions == "closed"


async def test_the_wish_outlives_the_process_that_heard_it(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    await terms_of(ship).cancel(TRADER, WHICH, "close", by="ann")
    ship.restart(holder="next")
    await ship.clock.advance(16)
    await ship.work(6)

    assert (await ship.only("trades")).state == "closed"
    assert (await subscription(ship)).positions == "closed"


async def test_an_entry_that_is_under_way_is_waited_for_and_what_it_brings_is_closed(
    ship: Slice,
) -> None:
    await ship.signal("LONG")
    await ship.desk.leases.once()
    await ship.loops.planner.once()
    await ship.loops.sender.once()
    await terms_of(ship).cancel(TRADER, WHICH, "close", by="ann")
    await ship.work(8)

    for trade in await ship.rows("trades"):
        assert trade.state == "closed"
    assert (await subscription(ship)).positions == "closed"


async def test_others_who_follow_the_same_deployment_keep_theirs(ship: Slice) -> None:
    await subscribe(ship, 2)
    await ship.signal("LONG")
    await ship.work()
    await terms_of(ship).cancel(TRADER, WHICH, "close", by="ann")
    await ship.work(5)

    assert (await ship.only("trades", subscription_id="su2")).state == "protected"
    assert (await ship.only("trades", subscription_id="su1")).state == "closed"


async def test_an_opposite_entry_closes_and_does_not_turn(
    memory: Database, clock: FakeClock
) -> None:
    ship = await futures(memory, clock)
    await subscribe(ship, 2, opposite="close")
    await ship.signal("LONG")
    await ship.work()
    await ship.signal("SHORT")
    await ship.work(4)

    closed = await ship.only("trades", subscription_id="su2")
    assert (closed.state, closed.exit_reason) == ("closed", "signal")
    assert (await ship.only("trades", subscription_id="su1")).state == "protected"
    skipped = await ship.only("skips")
    assert (skipped.subscription_id, skipped.reason) == ("su1", "opposite_position")


async def test_the_author_s_ceiling_holds_for_everybody(memory: Database, clock: FakeClock) -> None:
    ship = await futures(memory, clock)
    table = SCHEMA.tables["deployment"]
    await ship.db.write(lambda tx: tx.run(update(table).values(max_leverage=D("2"))))
    await ship.signal("LONG")
    await ship.work()

    entry = await ship.only("intents", leg="entry")
    assert entry.leverage == D("2")
