"""Halts in their modes, exits by hand and by the day's loss, and halts that nobody ordered."""

from typing import Any

import pytest
from sqlalchemy import update

from control_plane.infra.db import Database
from control_plane.orders.models.guarding import ORDERS_JUDGED, Record, why_halt
from control_plane.orders.service.by_hand import ByHand
from control_plane.orders.service.checking import Checker
from control_plane.orders.service.guarding import Guard
from control_plane.orders.service.halting import Halts
from control_plane.tables import SCHEMA
from tests.factories import D
from tests.fakes.clock import FakeClock
from tests.unit.orders.desk import DEPLOYMENT, Slice, sail, subscribe

READY = 5_000


@pytest.fixture
async def ship(memory: Database, clock: FakeClock) -> Slice:
    return await sail(memory, clock)


def halts_of(ship: Slice) -> Halts:
    return Halts(ship.db, ship.desk.bus)


async def entered(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()


@pytest.mark.parametrize(
    "scope",
    ["platform", "venue:paper", f"deployment:{DEPLOYMENT}", "user:us1", "account:ac1",
     "instrument:spot:B-BTC_USDT"],
)  # fmt: skip
async def test_flatten_closes_what_is_held_in_its_scope(ship: Slice, scope: str) -> None:
    await entered(ship)
    await halts_of(ship).halt(scope, by_user="us1", mode="flatten")
    await ship.work(6)
    trade = await ship.only("trades")
    assert (trade.state, trade.exit_reason) == ("closed", "halt")
    (row,) = await halts_of(ship).listed()
    assert row["open_trades"] == 0


async def test_flatten_leaves_other_scopes_alone(ship: Slice) -> None:
    await entered(ship)
    await halts_of(ship).halt("account:another", by_user="us1", mode="flatten")
    await ship.work(6)
    assert (await ship.only("trades")).state == "protected"


async def test_reduce_only_takes_back_what_rests_and_keeps_what_is_held(ship: Slice) -> None:
    await ship.price("50000", "0.02")  # hardly anybody trades: a part is filled
    await ship.signal("LONG")
    await ship.work(1)
    await ship.price("50000", "0.02")
    await ship.work(0.5)
    assert (await ship.only("intents", leg="entry")).state == "PARTIAL"
    await halts_of(ship).halt("platform", by_user="us1", mode="reduce_only")
    await ship.work(2)
    assert (await ship.only("intents", leg="entry")).state == "CANCELLED"
    assert (await ship.only("trades")).state == "protected"


async def test_no_entry_leaves_after_a_halt_however_many_are_ready(
    memory: Database, clock: FakeClock
) -> None:
    ship = await sail(memory, clock)
    await ship.signal("LONG")
    await ship.loops.planner.once()
    first = await ship.only("intents", leg="entry")
    await ship.db.write(many_like, first)
    halted = await halts_of(ship).halt("platform", by_user="us1")
    assert halted.denied == READY + 1
    assert await ship.loops.sender.once() == 0
    assert await ship.rows("orders") == []


async def test_a_trade_is_closed_by_hand(ship: Slice) -> None:
    await entered(ship)
    trade = await ship.only("trades")
    hands = ByHand(ship.desk)
    assert await hands.close_trade({"trade": trade.id}) == {"closing": True}
    assert await hands.close_trade({"trade": trade.id}) == {"closing": False}  # a repeat
    await ship.work(6)
    trade = await ship.only("trades")
    assert (trade.state, trade.exit_reason) == ("closed", "hand")


async def test_who_lost_too_much_today_leaves(memory: Database, clock: FakeClock) -> None:
    ship = await sail(memory, clock)
    await subscribe(ship, 2, max_daily_loss=D("0.005"))
    await ship.signal("LONG", stop_loss=D("40000"))
    await ship.work()
    await ship.price("42000")
    await ship.work(6)
    careful = await ship.only("trades", account_id="ac2")
    assert (careful.state, careful.exit_reason) == ("closed", "daily_loss")
    assert (await ship.only("trades", account_id="ac1")).state == "protected"


async def test_a_quarantined_order_is_resolved_by_a_person(ship: Slice) -> None:
    hands = ByHand(ship.desk)
    await entered(ship)
    entry = await ship.only("intents", leg="entry")
    await ship.db.write(quarantine, entry.id)
    body = {"intent": entry.id, "exchange_order_id": None, "by": "operator"}
    assert await hands.resolve(body) == {"state": "ABANDONED"}
    assert await hands.resolve(body) == {"state": "ABANDONED"}  # a repeat
    assert "quarantine_resolved" in {row.kind for row in await ship.rows("events")}


# ---- by themselves -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refused", "in_doubt", "is_halted"),
    [
        ([True] * 10 + [False] * 40, 0, False),
        ([True] * 11 + [False] * 39, 0, True),
        ([True] * 49, 0, False),  # too few to judge by
        ([False] * 50, 5, False),
        ([], 6, True),
    ],
)
def test_a_venue_that_refuses_or_hides_is_halted(
    refused: list[bool], in_doubt: int, is_halted: bool
) -> None:
    assert (why_halt(Record(refused[:ORDERS_JUDGED], in_doubt)) is not None) == is_halted


async def test_an_account_whose_books_differ_is_halted_until_a_person_lifts_it(
    ship: Slice,
) -> None:
    guard = Guard(ship.desk, halts_of(ship))
    alarm = {"rule": "I7", "subject": "ac1:fut:B-BTC_USDT", "what": "other", "shard": 0}
    now = ship.desk.now_ms()
    await ship.db.write(
        lambda tx: tx.run(SCHEMA.tables["alarm"].insert(), alarm | {"since_ms": now})
    )
    assert await guard.once() == 1
    assert await guard.once() == 0
    (row,) = await halts_of(ship).listed()
    assert (row["scope"], row["by_user"], row["active"]) == ("account:ac1", "slipway", True)
    await ship.clock.advance(1)
    await halts_of(ship).unhalt("account:ac1", by_user="us1")
    assert await guard.once() == 0  # what was before the lift does not count again


async def test_what_is_broken_is_an_alarm_until_it_holds_again(ship: Slice) -> None:
    checker = Checker(ship.desk)
    await entered(ship)
    assert await checker.once() == 0
    await ship.db.write(set_entered, D("0.00001"))
    assert await checker.once() == 1
    assert await checker.once() == 1
    (alarm,) = await ship.rows("alarm")
    assert alarm.rule == "I7"
    assert [row.kind for row in await ship.rows("events")].count("incident") == 1
    trade = await ship.only("trades")
    await ship.db.write(set_entered, trade.quantity)
    assert await checker.once() == 0
    assert await ship.rows("alarm") == []


def many_like(tx: Any, first: Any) -> None:
    table = SCHEMA.tables["intent"]
    rows = [{**first._mapping, "id": f"in{n}", "subscription_id": f"many{n}"} for n in range(READY)]
    tx.run(table.insert(), rows)


def quarantine(tx: Any, intent: str) -> None:
    table = SCHEMA.tables["intent"]
    values = {"state": "QUARANTINED", "reason": "no answer"}
    tx.run(update(table).where(table.c.id == intent).values(**values))


def set_entered(tx: Any, entered: Any) -> None:
    tx.run(update(SCHEMA.tables["trade"]).values(entered=entered))
