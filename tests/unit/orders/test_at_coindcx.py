"""The same loops over CoinDCX's adapter and the simulated exchange: what the ledger there says is
what our rows say.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import update

from control_plane.brokers.coindcx.views import market_name
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.clock import ms
from control_plane.core.ids import AccountId
from control_plane.infra.db import Database
from control_plane.orders.store.tables import trades
from strategy_runtime.rules.instruments import Instrument
from tests.coindcx_sim import build
from tests.coindcx_sim.broker import broker_over, with_stops
from tests.coindcx_sim.exchange import Exchange
from tests.coindcx_sim.faults import Fault
from tests.coindcx_sim.switches import Switches
from tests.factories import D, future, spot
from tests.fakes.clock import FakeClock
from tests.unit.orders.desk import Slice, sail


@dataclass
class AtCoinDcx:
    ship: Slice
    exchange: Exchange
    instrument: Instrument

    async def price(self, price: str) -> None:
        name = self.instrument.pair if self.instrument.is_futures else market_name(self.instrument)
        self.exchange.move(name, D(price), ms(self.ship.clock.now()))
        await self.ship.price(price)

    def fault(self, name: str, value: float = 0, path: str = "/create") -> None:
        self.exchange.faults.script(Fault(name, value), path=path)

    async def work(self, seconds: float = 3) -> None:
        await self.ship.work(seconds)

    def held(self) -> Any:
        margin = ":USDT" if self.instrument.is_futures else ""
        return self.exchange.world.ledger.net_position("key", f"{self.instrument.id}{margin}")


async def at_coindcx(db: Database, clock: FakeClock, instrument: Instrument) -> AtCoinDcx:
    switches = Switches(limits_on=False)
    exchange = build.exchange(switches, ms(clock.now()))
    exchange.world.open_account("key", "secret", {"USDT": D("10000")}, {"USDT": D("10000")})
    keys = {AccountId("ac1"): Credentials("key", "secret")}
    ship = await sail(db, clock, instrument)
    found = AtCoinDcx(ship, exchange, instrument)
    await found.price("50000")
    ship.restart(broker_over(exchange, clock, keys, with_stops()))
    await ship.desk.leases.once()
    return found


@pytest.fixture
async def perpetual(memory: Database, clock: FakeClock) -> AtCoinDcx:
    return await at_coindcx(memory, clock, future())


async def test_an_entry_is_protected_at_the_exchange_and_left_by_its_own_exit(
    perpetual: AtCoinDcx,
) -> None:
    ship = perpetual.ship
    await ship.signal("LONG")
    await perpetual.work(6)
    trade = await ship.only("trades")
    assert (trade.state, trade.quantity) == ("protected", perpetual.held())
    await perpetual.price("51000")
    await ship.signal("EXIT_LONG")
    await perpetual.work(8)
    trade = await ship.only("trades")
    assert (trade.state, perpetual.held()) == ("closed", D("0"))
    assert trade.pnl > 0


async def test_the_exchanges_stop_closes_the_trade(perpetual: AtCoinDcx) -> None:
    ship = perpetual.ship
    await ship.signal("LONG")
    await perpetual.work(6)
    await perpetual.price("48900")
    await perpetual.work(8)
    trade = await ship.only("trades")
    assert (trade.state, trade.exit_reason, perpetual.held()) == ("closed", "stop", D("0"))


@pytest.mark.parametrize("fault", ["accept_then_reset", "accept_then_500", "bad_json"])
async def test_an_entry_whose_answer_is_lost_is_found_and_bound(
    perpetual: AtCoinDcx, fault: str
) -> None:
    ship = perpetual.ship
    perpetual.fault(fault)
    await ship.signal("LONG")
    await perpetual.work(40)
    trade = await ship.only("trades")
    assert (trade.state, trade.quantity) == ("protected", perpetual.held())
    assert len(perpetual.exchange.world.ledger.of("order_accepted")) == 3  # with stop and target


async def test_an_entry_that_never_arrived_is_given_up(perpetual: AtCoinDcx) -> None:
    ship = perpetual.ship
    perpetual.fault("503_window", 1)
    await ship.signal("LONG")
    await perpetual.work(100)
    entry = await ship.only("intents", leg="entry")
    assert entry.state in ("ABANDONED", "EXPIRED", "DENIED")
    assert perpetual.held() == 0


async def test_a_stop_that_the_exchange_drops_is_put_there_afterwards(
    perpetual: AtCoinDcx,
) -> None:
    ship = perpetual.ship
    perpetual.fault("drop_sl_silently")
    await ship.signal("LONG")
    await perpetual.work(12)
    assert (await ship.only("trades")).state == "protected"
    (account,) = perpetual.exchange.world.accounts.values()
    stops = [each for each in account.open_futures.values() if each.kind == "stop_market"]
    assert [each.stop_price for each in stops] == [D("49000")]


async def test_a_fill_of_an_exit_that_is_in_doubt_waits_until_the_exit_is_found(
    perpetual: AtCoinDcx,
) -> None:
    ship = perpetual.ship
    await ship.signal("LONG")
    await perpetual.work(6)
    perpetual.fault("accept_then_500", path="/exit")
    await leaving(ship)
    await ship.loops.sender.once()
    assert (await ship.only("intents", leg="exit")).state == "UNKNOWN"
    await ship.clock.advance(1)
    await ship.loops.follower.tracker.read({"paper": {"ac1"}})  # before anybody looked

    await perpetual.work(8)
    assert (await ship.only("intents", leg="exit")).state == "FILLED"
    assert (await ship.only("trades")).state == "closed"
    assert [one for one in await ship.rows("events") if one.kind == "incident"] == []


async def test_a_position_that_is_closed_by_hand_needs_no_exit_of_ours(
    perpetual: AtCoinDcx,
) -> None:
    ship = perpetual.ship
    await ship.signal("LONG")
    await perpetual.work(6)
    await leaving(ship)
    assert (await ship.only("intents", leg="exit")).state == "READY"
    now = ms(ship.clock.now())
    perpetual.exchange.strike("key", Fault("user_closes_position"), now)
    await ship.clock.advance(1)
    await ship.loops.follower.tracker.read({"paper": {"ac1"}})

    await perpetual.work(8)
    states = {one.state for one in await ship.rows("intents") if one.leg == "exit"}
    assert states == {"DENIED", "FILLED"}
    assert ((await ship.only("trades")).state, perpetual.held()) == ("closed", D("0"))
    assert [one for one in await ship.rows("events") if one.kind == "incident"] == []


async def leaving(ship: Slice) -> None:
    """Up to where the exit may leave."""
    await ship.signal("EXIT_LONG")
    await ship.loops.planner.once()
    await ship.loops.follower.once()


@pytest.mark.parametrize("fault", [None, "accept_then_reset", "accept_then_html_502"])
async def test_spot_is_bought_stopped_and_sold_whatever_became_of_the_answer(
    memory: Database, clock: FakeClock, fault: str | None
) -> None:
    rules = spot(order_types=("limit", "market", "stop_limit"))
    venue = await at_coindcx(memory, clock, rules)
    if fault is not None:
        venue.fault(fault)
    await venue.ship.signal("LONG")
    await venue.work(8)
    trade = await venue.ship.only("trades")
    assert (trade.state, trade.quantity) == ("protected", venue.held())
    await venue.price("51000")
    await venue.ship.signal("EXIT_LONG")
    await venue.work(10)
    assert (await venue.ship.only("trades")).state == "closed"
    assert venue.held() == 0


async def test_an_entry_that_never_arrived_is_not_taken_for_its_twin_of_a_moment_ago(
    perpetual: AtCoinDcx,
) -> None:
    """Futures orders carry no id of ours: one that looks the same, and is bound, is another."""
    ship = perpetual.ship
    await ship.signal("LONG")
    await perpetual.work(3)
    await ship.signal("EXIT_LONG")
    await perpetual.work(3)
    perpetual.fault("lose_request")
    await ship.signal("LONG")
    await perpetual.work(100)

    first, second = [one for one in await ship.rows("intents") if one.leg == "entry"]
    assert {first.state, second.state} == {"FILLED", "ABANDONED"}
    assert [one.kind for one in await ship.rows("events") if one.kind == "incident"] == []
    assert perpetual.held() == 0


async def test_a_fill_is_not_booked_without_the_trade_that_somebody_else_owns_by_now(
    perpetual: AtCoinDcx,
) -> None:
    ship = perpetual.ship
    await ship.signal("LONG")
    await perpetual.work(6)
    before = len(await ship.rows("fills"))
    await ship.db.write(lambda tx: tx.run(update(trades).values(epoch=1_000)))
    await perpetual.price("48900")
    await perpetual.work(8)
    assert len(await ship.rows("fills")) == before

    await ship.db.write(lambda tx: tx.run(update(trades).values(epoch=0)))
    await perpetual.work(8)
    assert ((await ship.only("trades")).state, perpetual.held()) == ("closed", D("0"))
    assert [one for one in await ship.rows("events") if one.kind == "incident"] == []


async def test_an_order_that_comes_back_in_pieces_is_one_position_protected_and_left(
    perpetual: AtCoinDcx,
) -> None:
    ship = perpetual.ship
    perpetual.fault("split_into_children")
    await ship.signal("LONG")
    await perpetual.work(30)

    entry = await ship.only("intents", leg="entry")
    assert (entry.state, entry.filled) == ("FILLED", entry.quantity)
    trade = await ship.only("trades")
    assert (trade.state, trade.quantity) == ("protected", entry.quantity)
    assert perpetual.held() == entry.quantity
    entered = [row for row in await ship.rows("fills") if row.side == "buy"]
    assert len({row.exchange_fill_id for row in entered}) > 1
    assert {row.order_id for row in entered} == {entered[0].order_id}

    await ship.signal("EXIT_LONG")
    await perpetual.work(10)
    assert (await ship.only("trades")).state == "closed"
    assert perpetual.held() == 0
