"""What one order came from and to, when it happened, and what is forgotten in the end."""

from dataclasses import replace
from typing import Any

import pytest

from control_plane.core.ids import AccountId, IntentId, SignalId, Tenant
from control_plane.infra.db import Database
from control_plane.orders.models.requests import request_of, written_of
from control_plane.orders.service import explaining
from control_plane.orders.service.tidying import Tidier
from control_plane.settings import TradingSettings
from tests.fakes.clock import FakeClock
from tests.unit.orders.desk import Slice, futures, sail
from tests.unit.orders.test_crashes import bad_line

DAY_SECONDS = 86_400
OWNER = Tenant("us1")


@pytest.fixture
async def ship(memory: Database, clock: FakeClock) -> Slice:
    return await sail(memory, clock)


async def story_of(ship: Slice, leg: str) -> Any:
    intent = await ship.only("intents", leg=leg)
    return await ship.db.read(explaining.story, OWNER, IntentId(intent.id))


async def test_a_story_tells_cause_sizing_risk_request_steps_fills_and_profit(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    await ship.price("51000")
    await ship.signal("EXIT_LONG")
    await ship.work(6)
    told = await story_of(ship, "entry")
    assert told["cause"]["signal"]["action"] == "LONG"
    assert told["intent"]["explain"]["quantity"] == str(told["intent"]["quantity"])
    assert told["intent"]["risk"]["legal"]
    (order,) = told["orders"]
    assert order["request"]["key"] == "redacted"
    assert order["reply"]["state"] == "FILLED"
    assert [step["what"] for step in told["steps"]][:2] == ["intent_planned", "intent_released"]
    assert sum(fill["quantity"] for fill in told["fills"]) == told["intent"]["quantity"]
    assert told["trade"]["pnl"] == sum(
        line["amount"] for line in told["ledger"] if line["currency"] == "USDT"
    )


async def test_a_story_is_told_to_nobody_else(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    intent = IntentId((await ship.only("intents", leg="entry")).id)
    assert await ship.db.read(explaining.story, Tenant("another"), intent) is None


async def test_the_steps_of_a_signal_follow_each_other(ship: Slice) -> None:
    signal = SignalId(await ship.signal("LONG"))
    assert await ship.db.read(explaining.times, OWNER, signal) is None
    await ship.work(4)
    times = await ship.db.read(explaining.times, OWNER, signal)
    assert times is not None
    steps = [
        times.published_ms,
        times.planned_ms,
        times.first_sent_ms,
        times.last_acknowledged_ms,
        times.last_protected_ms,
    ]
    assert steps == sorted(steps, key=lambda at: at or 0)
    assert (times.intents, times.skips) == (1, 0)
    assert await ship.db.read(explaining.times, Tenant("another"), signal) is None


async def test_an_entry_that_was_hidden_for_longer_than_believed_is_taken_back_in_the_end(
    memory: Database, clock: FakeClock
) -> None:
    ship = await futures(memory, clock)
    line = await bad_line(ship, place_as="lose_request")
    await ship.signal("LONG")
    await ship.work(25)
    lost = await ship.only("intents", leg="entry")
    assert lost.state == "ABANDONED"
    line.place_as = "ok"
    await ship.price("50000", "0.0001")  # it would rest
    order = await ship.only("orders", intent_id=lost.id)
    late = replace(request_of(written_of(order), ship.instrument), signed_ms=ship.desk.now_ms())
    await ship.paper.place(late)
    await ship.work(20)
    assert (await ship.only("intents", leg="entry")).state in ("CANCELLED", "FILLED")
    assert await ship.paper.open_orders(AccountId("ac1"), ship.instrument) == []
    told = [row for row in await ship.rows("events") if row.kind == "incident"]
    assert [row.subject_id for row in told] == [lost.id]


async def test_a_fill_that_nobody_can_name_is_told_once_and_kept(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    (known, *_) = await ship.paper.fills_since({AccountId("ac1"): ""})
    strange = replace(known, fill_id="x", exchange_order_id="y", client_order_id="z")
    for _ in range(2):
        assert await ship.db.write(ship.loops.follower.tracker.apply, [strange]) == 0
    assert [row.kind for row in await ship.rows("events")].count("foreign_fill_seen") == 1
    assert len(await ship.rows("stray_fill")) == 1


async def test_old_decisions_skips_and_events_go_and_orders_stay(ship: Slice) -> None:
    await ship.signal("EXIT_LONG")  # nothing is held: a skip
    await ship.signal("LONG")
    await ship.work()
    kept = {name: len(await ship.rows(name)) for name in ("intents", "orders", "fills", "trades")}
    await ship.clock.advance((TradingSettings().kept_days + 1) * DAY_SECONDS)
    await ship.desk.leases.once()
    assert await Tidier(ship.desk).once() > 0
    assert {name: len(await ship.rows(name)) for name in kept} == kept
    assert await ship.rows("skips") == []
    assert len(await ship.rows("events")) == 1  # numbers go on from it
    assert [row.action for row in await ship.rows("signal")] == ["LONG"]
    assert await Tidier(ship.desk).once() == 0
