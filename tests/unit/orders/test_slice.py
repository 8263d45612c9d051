"""From a signal to a trade's profit, through the real loops, on the paper exchange."""

import json
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import update

from control_plane.brokers.models import Accepted, Broker, OrderRequest
from control_plane.brokers.paper.adapter import PaperBroker
from control_plane.core.ids import IntentId, Tenant
from control_plane.infra import audit, checkpoints
from control_plane.infra.db import Database, table
from control_plane.orders.service import reading
from control_plane.orders.store.tables import IntentRow, TradeRow
from strategy_runtime.rules.money import ZERO
from strategy_runtime.rules.sizing import recompute
from tests.factories import D
from tests.fakes.clock import FakeClock
from tests.unit.orders.desk import Slice, futures, sail, subscribe


@pytest.fixture
async def ship(memory: Database, clock: FakeClock) -> Slice:
    return await sail(memory, clock)


@pytest.fixture
async def future_ship(memory: Database, clock: FakeClock) -> Slice:
    return await futures(memory, clock)


async def test_a_signal_becomes_a_protected_position(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    trade = await ship.only("trades")
    assert (trade.state, trade.side) == ("protected", "LONG")
    stop = await ship.only("intents", leg="sl")
    assert (stop.state, stop.trigger_price) == ("OPEN", D("49000"))
    assert stop.quantity == trade.quantity
    entry = await ship.only("intents", leg="entry")
    assert entry.state == "FILLED"
    assert entry.filled == entry.quantity == trade.quantity


async def test_an_exit_signal_closes_it_with_its_profit(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    await ship.price("51000")
    await ship.signal("EXIT_LONG")
    await ship.work()
    trade = await ship.only("trades")
    assert (trade.state, trade.exit_reason, trade.quantity) == ("closed", "signal", ZERO)
    assert trade.pnl is not None
    assert trade.pnl > 0
    assert await ship.free("USDT") == D("10000") + trade.pnl
    assert await ship.free("BTC") == 0
    assert sum(line.amount for line in await ship.rows("ledger")) == trade.pnl


@pytest.mark.attack("U17")
async def test_what_a_trade_came_to_is_chained_with_it(ship: Slice, memory: Database) -> None:
    await ship.signal("LONG")
    await ship.work()
    await ship.signal("EXIT_LONG")
    await ship.work()
    trade = await ship.only("trades")

    chain = f"orders:{trade.shard}"
    rows = await memory.read(lambda tx: list(audit.entries(tx, chain)))
    told = [json.loads(row.body) for row in rows]
    results = [one["trade"] for one in told if one["kind"] == "trade_closed"]
    assert [(one["id"], D(one["pnl"])) for one in results] == [(trade.id, trade.pnl)]
    assert (D(results[0]["exit_value"]), D(results[0]["fees"])) == (trade.exit_value, trade.fees)
    assert (await memory.read(checkpoints.verify, []))[0] is None


async def test_a_stop_at_the_venue_closes_it(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    await ship.price("48900")
    await ship.work()
    trade = await ship.only("trades")
    assert (trade.state, trade.exit_reason) == ("closed", "stop")
    assert await ship.free("USDT") == D("10000") + trade.pnl
    # Losing at the stop costs one percent of the capital, and what the gap took.
    assert D("-106") < trade.pnl < D("-80")


async def test_a_target_is_watched_and_sold(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    await ship.price("53001")
    await ship.work()
    trade = await ship.only("trades")
    assert (trade.state, trade.exit_reason) == ("closed", "target")
    assert (await ship.only("intents", leg="sl")).state == "CANCELLED"
    assert trade.pnl > 0


async def test_what_is_left_of_an_entry_is_taken_back(ship: Slice) -> None:
    await ship.price("50000", "0.08")
    await ship.signal("LONG")
    await ship.work(8)
    entry = await ship.only("intents", leg="entry")
    assert entry.state == "CANCELLED"
    trade = await ship.only("trades")
    assert trade.quantity == entry.filled == D("0.02")
    assert trade.state == "protected"
    assert (await ship.only("intents", leg="sl", state="OPEN")).quantity == trade.quantity


async def test_a_stop_grows_with_a_late_fill_of_the_entry(ship: Slice) -> None:
    await ship.price("50000", "0.08")
    await ship.signal("LONG")
    await ship.work(2)
    await ship.price("50000", "0.08")
    await ship.work(6)
    trade = await ship.only("trades")
    assert trade.quantity == D("0.04")
    assert trade.state == "protected"
    assert (await ship.only("intents", leg="sl", state="OPEN")).quantity == D("0.04")


async def test_an_exit_is_priced_again_until_it_is_out(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    await ship.signal("EXIT_LONG")
    await ship.price("50000", "0.02")
    await ship.work(3)
    await ship.price("49700", "0.02")
    await ship.work(3)
    await ship.price("49600", "100")
    await ship.work(3)
    trade = await ship.only("trades")
    assert trade.state == "closed"
    exits = [row for row in await ship.rows("orders") if row.number > 0]
    assert exits
    assert await ship.free("BTC") == 0


async def test_an_exit_before_the_entry_left_ends_both(ship: Slice) -> None:
    ship.quotes.held.clear()
    await ship.price("50000")
    await ship.signal("LONG")
    await ship.loops.planner.once()
    await ship.signal("EXIT_LONG")
    await ship.work()
    entry = await ship.only("intents", leg="entry")
    leaving = await ship.only("intents", leg="exit")
    assert {entry.state, leaving.state} <= {"DENIED", "FILLED"}
    assert await ship.free("BTC") == 0


async def test_every_subscriber_has_one_intent_or_one_skip(ship: Slice) -> None:
    await subscribe(ship, 2, capital=D("1"))
    await subscribe(ship, 3, max_age_seconds=0)
    await subscribe(ship, 4, state="paused")
    await ship.clock.advance(1)
    signal = await ship.signal(
        "LONG", published_ms=0 + int(ship.clock.now().timestamp() * 1000) - 500
    )
    await ship.work()
    intents = {row.subscription_id for row in await ship.rows("intents") if row.leg == "entry"}
    skips = {row.subscription_id: row.reason for row in await ship.rows("skips")}
    assert intents == {"su1"}
    assert skips == {"su2": "too_small", "su3": "stale"}
    plan = await ship.only("plans", signal_id=signal)
    assert (plan.intents, plan.skips) == (1, 2)


async def test_a_futures_entry_carries_its_stop_and_is_read_back(future_ship: Slice) -> None:
    ship = future_ship
    await ship.signal("SHORT")
    await ship.work()
    trade = await ship.only("trades")
    assert (trade.side, trade.state) == ("SHORT", "protected")
    position = (await ship.paper.positions([trade.account_id]))[0]
    assert position.quantity == -trade.quantity
    assert position.stop_loss == D("51000")


async def test_a_futures_position_closes_by_its_own_exit(future_ship: Slice) -> None:
    ship = future_ship
    await ship.signal("LONG")
    await ship.work()
    await ship.price("50500")
    await ship.signal("EXIT_LONG")
    await ship.work()
    trade = await ship.only("trades")
    assert (trade.state, trade.exit_reason) == ("closed", "signal")
    assert not await ship.paper.positions([trade.account_id])
    assert abs(await ship.free("USDT") - D("10000") - trade.pnl) < D("0.000001")
    assert not await ship.rows("exposure_owners")


async def test_a_futures_stop_at_the_venue_closes_the_trade(future_ship: Slice) -> None:
    ship = future_ship
    await ship.signal("LONG")
    await ship.work()
    await ship.price("48900")
    await ship.work(6)
    trade = await ship.only("trades")
    assert (trade.state, trade.exit_reason) == ("closed", "stop")
    assert (await ship.only("intents", leg="sl")).state == "FILLED"


async def test_a_reversal_is_out_first_then_in(future_ship: Slice) -> None:
    ship = future_ship
    await ship.signal("LONG")
    await ship.work()
    await ship.signal("EXIT_LONG")
    ship.trigger -= 1  # of one candle
    await ship.signal("SHORT")
    await ship.work(4)
    before, after = sorted(await ship.rows("trades"), key=lambda row: row.position_generation)
    assert (before.state, after.state, after.side) == ("closed", "protected", "SHORT")
    position = (await ship.paper.positions([after.account_id]))[0]
    assert position.quantity == -after.quantity


async def test_a_trade_that_went_flat_before_its_entry_ended_is_over_with_the_entry(
    ship: Slice,
) -> None:
    await ship.price("50000", "0.08")  # too little for the whole entry
    await ship.signal("LONG")
    await ship.work(8)
    assert (await ship.only("intents", leg="entry")).state == "CANCELLED"

    # As the fill of a stop leaves it while the entry's rest still stands.
    await ship.db.write(
        lambda tx: tx.run(update(table(TradeRow)).values(state="exiting", quantity=D("0")))
    )
    await ship.db.write(
        lambda tx: tx.run(
            update(table(IntentRow)).where(table(IntentRow).c.leg == "sl").values(state="FILLED")
        )
    )
    await ship.work(3)
    assert (await ship.only("trades")).state == "closed"
    assert [row.leg for row in await ship.rows("intents")] == ["entry", "sl"]


async def test_an_intent_is_explained_by_its_own_and_its_signals_record(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    entry = await ship.only("intents", leg="entry")
    found = await ship.db.read(reading.intent, Tenant("us1"), IntentId(entry.id))
    assert found is not None
    assert recompute(msgspec.json.decode(found["explain"])) == entry.quantity


class Sickly:
    """A venue whose adapter stumbles over one account."""

    def __init__(self, paper: PaperBroker) -> None:
        self.paper = paper

    def __getattr__(self, name: str) -> Any:
        return getattr(self.paper, name)

    async def place(self, request: OrderRequest) -> Accepted:
        if request.account == "ac1":
            raise KeyError("a bug")
        return await self.paper.place(request)


async def test_an_account_that_fails_does_not_hold_up_the_others(ship: Slice) -> None:
    await subscribe(ship, 2)
    ship.restart(cast("Broker", Sickly(ship.paper)))
    await ship.signal("LONG")
    await ship.work(5)

    trade = await ship.only("trades")
    assert (trade.account_id, trade.state) == ("ac2", "protected")
    sick = await ship.only("intents", leg="entry", account_id="ac1")
    incident = await ship.only("events", kind="incident")
    assert (incident.subject_kind, incident.subject_id) == ("intent", sick.id)
