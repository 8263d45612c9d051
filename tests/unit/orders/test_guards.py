"""What holds an entry back at the last moment, and that nothing holds an exit back."""

import pytest
from sqlalchemy import update

from control_plane.brokers.paper import service as play_money
from control_plane.infra.db import Database
from control_plane.orders.errors import NoSuchHalt, NoSuchScope
from control_plane.orders.service.halting import Halted, Halts
from control_plane.tables import SCHEMA
from strategy_runtime.rules.money import ZERO
from tests.factories import D
from tests.fakes.clock import FakeClock
from tests.unit.orders.desk import Slice, futures, sail

HALTED = ("platform", "venue:paper", "deployment:dep1", "user:us1", "account:ac1")


@pytest.fixture
async def ship(memory: Database, clock: FakeClock) -> Slice:
    return await sail(memory, clock)


@pytest.fixture
def halts(ship: Slice) -> Halts:
    return Halts(ship.db, ship.desk.bus)


@pytest.mark.parametrize("scope", [*HALTED, "instrument:spot:B-BTC_USDT"])
async def test_a_halt_refuses_entries_in_its_scope_from_the_commit_on(
    ship: Slice, halts: Halts, scope: str
) -> None:
    await ship.signal("LONG")
    await ship.loops.planner.once()
    assert await halts.halt(scope, by_user="us1", reason="enough") == Halted(scope, 1)
    await ship.signal("LONG")
    await ship.work()
    assert (await ship.only("intents", leg="entry")).state == "DENIED"
    assert (await ship.only("skips")).reason == "halted"
    assert not await ship.rows("orders")


async def test_a_halt_between_plan_and_release_is_seen_by_the_release(
    ship: Slice, halts: Halts
) -> None:
    await ship.signal("LONG")
    await ship.loops.planner.once()
    rows = await ship.rows("intents")
    await halts.halt("platform", by_user="us1")
    assert await ship.db.write(ship.loops.sender.releaser.release, rows, []) == []


async def test_an_exit_goes_out_through_every_halt(ship: Slice, halts: Halts) -> None:
    await ship.signal("LONG")
    await ship.work()
    for scope in HALTED:
        await halts.halt(scope, by_user="us1")
    await ship.signal("EXIT_LONG")
    await ship.work()
    assert (await ship.only("trades")).state == "closed"


async def test_an_unhalted_scope_trades_again(ship: Slice, halts: Halts) -> None:
    await halts.halt("platform", by_user="us1")
    await halts.unhalt("platform", by_user="us1")
    await ship.signal("LONG")
    await ship.work()
    assert (await ship.only("trades")).state == "protected"


async def test_what_is_not_halted_cannot_be_unhalted(halts: Halts) -> None:
    with pytest.raises(NoSuchHalt):
        await halts.unhalt("platform", by_user="us1")
    with pytest.raises(NoSuchScope):
        await halts.halt("everything", by_user="us1")


async def test_a_subscription_paused_after_the_plan_sends_nothing(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.loops.planner.once()
    await change(ship, "subscription", state="paused")
    await ship.work()
    entry = await ship.only("intents", leg="entry")
    assert (entry.state, entry.reason) == ("DENIED", "the subscription is no longer active")


async def test_a_paused_subscription_still_leaves_its_position(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    await change(ship, "subscription", state="cancelled")
    await ship.signal("EXIT_LONG")
    await ship.work()
    assert (await ship.only("trades")).state == "closed"


async def test_an_entry_that_waited_too_long_expires(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.loops.planner.once()
    await ship.clock.advance(61)
    await ship.work()
    assert (await ship.only("intents", leg="entry")).state == "EXPIRED"


async def test_rules_that_changed_after_the_plan_deny_the_entry(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.loops.planner.once()
    await change(ship, "instrument", min_notional=D("1000000"))
    await ship.work()
    assert (await ship.only("intents", leg="entry")).state == "DENIED"


async def test_too_little_money_is_a_refusal_and_no_position(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.loops.planner.once()
    await ship.db.write(play_money.reset, "ac1", "USDT", D("1"))
    await ship.work()
    entry = await ship.only("intents", leg="entry")
    assert entry.state == "REJECTED"
    assert "insufficient_funds" in entry.reason
    assert not await ship.rows("trades")


async def test_a_subscription_that_lost_its_share_today_enters_no_more(ship: Slice) -> None:
    await change(ship, "subscription", max_daily_loss=D("0.005"))
    await ship.signal("LONG")
    await ship.work()
    await ship.price("48900")
    await ship.work()
    await ship.price("50000")
    await ship.signal("LONG")
    await ship.work()
    assert (await ship.only("skips")).reason == "daily_loss"


async def test_an_entry_without_a_trade_frees_the_futures_position(
    memory: Database, clock: FakeClock
) -> None:
    ship = await futures(memory, clock)
    await ship.signal("LONG")
    await ship.loops.planner.once()
    await ship.db.write(play_money.reset, "ac1", "USDT", D("1"))
    await ship.work()
    assert (await ship.only("intents", leg="entry")).state == "REJECTED"
    assert not await ship.rows("exposure_owners")


async def test_of_two_entries_that_wait_for_one_position_the_second_is_skipped(
    memory: Database, clock: FakeClock
) -> None:
    ship = await futures(memory, clock)
    await ship.signal("LONG")
    await ship.work()
    await ship.signal("EXIT_LONG")
    await ship.signal("SHORT")
    await ship.signal("SHORT")
    await ship.work(4)
    entries = [row for row in await ship.rows("intents") if row.leg == "entry"]
    assert len(entries) == 2
    assert (await ship.only("skips")).reason == "already_in_position"


async def test_dust_is_shown_and_sold_with_the_next_trade(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    first = await ship.only("trades")
    # A step that became coarser leaves something that can no longer be sold.
    await change(ship, "instrument", quantity_step=D("0.001"), min_quantity=D("0.001"))
    ship.loops.ticks._instruments.clear()
    await ship.signal("EXIT_LONG")
    await ship.work(6)
    closed = await ship.only("trades")
    assert closed.state == "closed"
    assert closed.dust == first.quantity - closed.exited > ZERO
    await ship.signal("LONG")
    await ship.work(4)
    before, after = sorted(await ship.rows("trades"), key=lambda row: row.position_generation)
    assert before.dust == ZERO
    assert (
        after.quantity
        == after.entered
        > (
            await ship.only(
                "intents", gen=0, leg="entry", state="FILLED", signal_id=after.entry_signal_id
            )
        ).filled
    )


async def change(ship: Slice, name: str, **values: object) -> None:
    table = SCHEMA.tables[name]
    await ship.db.write(lambda tx: tx.run(update(table).values(**values)))
