"""Rows of the fault catalogue by their number, on the real loops over CoinDCX's adapter and the
simulated exchange: what it does to us, and that in the end its ledger and our rows agree.
"""

import asyncio
from dataclasses import replace
from typing import Literal

import pytest

from control_plane.brokers.coindcx.limits import Rates
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.clock import ms
from control_plane.core.ids import AccountId
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.orders.service.checking import Checker
from control_plane.orders.service.halting import Halts
from strategy_runtime.rules.instruments import Instrument
from tests.coindcx_sim.broker import broker_over, with_stops
from tests.coindcx_sim.faults import Fault
from tests.factories import D, future, spot
from tests.fakes.clock import FakeClock
from tests.unit.orders.test_at_coindcx import AtCoinDcx, at_coindcx

STOPPED_SPOT = spot(order_types=("limit", "market", "stop_limit"))


@pytest.fixture
async def perpetual(memory: Database, clock: FakeClock) -> AtCoinDcx:
    return await at_coindcx(memory, clock, future())


@pytest.fixture
async def on_spot(memory: Database, clock: FakeClock) -> AtCoinDcx:
    return await at_coindcx(memory, clock, STOPPED_SPOT)


async def entered(sea: AtCoinDcx, seconds: float = 8) -> None:
    await sea.ship.signal("LONG")
    await sea.work(seconds)


def struck(sea: AtCoinDcx, fault: str, value: float = 0, detail: str = "") -> None:
    sea.exchange.strike("key", Fault(fault, value, detail), ms(sea.ship.clock.now()))


def down(sea: AtCoinDcx, seconds: float) -> None:
    sea.exchange.faults.closed_until_ms = ms(sea.ship.clock.now()) + int(seconds * 1000)


async def states(sea: AtCoinDcx, leg: str) -> list[str]:
    return [row.state for row in await sea.ship.rows("intents") if row.leg == leg]


async def in_order(sea: AtCoinDcx, *, held: str = "0") -> None:
    """The ledger there holds what we say, and what must hold does."""
    assert sea.held() == D(held)
    net = sum((row.quantity for row in await sea.ship.rows("trades")), D("0"))
    assert net == abs(D(held))
    assert await Checker(sea.ship.desk).once() == 0


@pytest.mark.parametrize("fault", ["accept_then_hang", "accept_then_html_502", "accept_then_429"])
async def test_a8_a9_j18_no_answer_after_acceptance_is_doubt_and_then_one_order(
    perpetual: AtCoinDcx, fault: str
) -> None:
    perpetual.fault(fault)
    await entered(perpetual, 40)
    assert await states(perpetual, "entry") == ["FILLED"]
    assert (await perpetual.ship.only("trades")).quantity == perpetual.held()


async def test_a12_an_answer_that_comes_too_late_changes_nothing(perpetual: AtCoinDcx) -> None:
    perpetual.fault("delay_reply", 12)
    await entered(perpetual, 40)
    assert await states(perpetual, "entry") == ["FILLED"]
    assert (await perpetual.ship.only("trades")).quantity == perpetual.held()


async def test_a13_x7_an_order_that_is_hidden_for_a_while_is_not_sent_again(
    perpetual: AtCoinDcx,
) -> None:
    perpetual.fault("accept_then_500")
    perpetual.fault("invisible_for", 8)
    await entered(perpetual, 60)
    assert await states(perpetual, "entry") == ["FILLED"]
    assert (await perpetual.ship.only("trades")).quantity == perpetual.held()


async def test_a14_x10_z5_doubt_lasts_as_long_as_the_venue_is_away_and_ends_with_it(
    perpetual: AtCoinDcx,
) -> None:
    perpetual.fault("accept_then_500")
    await perpetual.ship.signal("LONG")
    await perpetual.ship.loops.planner.once()
    await perpetual.ship.loops.sender.once()
    down(perpetual, 600)
    for _ in range(20):
        await perpetual.work(29)
        assert await states(perpetual, "entry") == ["UNKNOWN"]
    await perpetual.work(50)
    assert await states(perpetual, "entry") == ["FILLED"]
    assert (await perpetual.ship.only("trades")).state == "protected"


@pytest.mark.parametrize("fault", ["empty_list", "bad_json"])
async def test_a15_an_answer_that_says_nothing_is_doubt(perpetual: AtCoinDcx, fault: str) -> None:
    perpetual.fault(fault)
    await entered(perpetual, 40)
    assert await states(perpetual, "entry") == ["FILLED"]
    assert (await perpetual.ship.only("trades")).quantity == perpetual.held()


async def test_a18_an_order_that_is_refused_after_its_acceptance_leaves_nothing(
    perpetual: AtCoinDcx,
) -> None:
    perpetual.fault("reject_after_ack")
    await entered(perpetual, 40)
    assert await states(perpetual, "entry") == ["REJECTED"]
    assert await perpetual.ship.rows("trades") == []
    await in_order(perpetual)


async def test_a19_what_filled_is_stopped_and_the_rest_taken_back(perpetual: AtCoinDcx) -> None:
    perpetual.fault("partial_fill", 0.4)
    await entered(perpetual, 20)
    entry = await perpetual.ship.only("intents", leg="entry")
    trade = await perpetual.ship.only("trades")
    assert entry.state == "CANCELLED"
    assert 0 < entry.filled < entry.quantity
    assert (trade.state, trade.quantity) == ("protected", entry.filled)
    await in_order(perpetual, held=str(entry.filled))


async def test_a21_a_stop_that_the_price_has_passed_is_a_way_out(perpetual: AtCoinDcx) -> None:
    perpetual.fault("drop_sl_silently")
    await perpetual.ship.signal("LONG")
    await perpetual.ship.loops.planner.once()
    await perpetual.ship.loops.sender.once()
    await perpetual.price("48900")  # beyond the stop of 49000, before it stands
    await perpetual.work(10)
    assert (await perpetual.ship.only("trades")).state == "closed"
    await in_order(perpetual)


@pytest.mark.parametrize("when", ["fill_before_cancel", "fill_after_cancel"])
async def test_a24_a35_a_stop_that_fills_while_it_is_cancelled_closes_the_trade_once(
    on_spot: AtCoinDcx, when: str
) -> None:
    await entered(on_spot)
    on_spot.fault(when, path="/cancel")
    await on_spot.ship.signal("EXIT_LONG")
    await on_spot.work(60)
    assert (await on_spot.ship.only("trades")).state == "closed"
    await in_order(on_spot)


async def test_a25_a_stop_whose_limit_the_price_jumped_over_is_left_at_the_market(
    on_spot: AtCoinDcx,
) -> None:
    await entered(on_spot)
    await on_spot.price("45000")
    await on_spot.work(60)
    assert (await on_spot.ship.only("trades")).state == "closed"
    await in_order(on_spot)


async def test_a27_a_liquidation_ends_the_trade_and_its_stops(perpetual: AtCoinDcx) -> None:
    await entered(perpetual)
    struck(perpetual, "liquidate")
    await perpetual.work(20)
    trade = await perpetual.ship.only("trades")
    assert (trade.state, trade.exit_reason) == ("closed", "liquidated")
    (account,) = perpetual.exchange.world.accounts.values()
    assert list(account.open_futures.values()) == []
    await in_order(perpetual)


async def test_a28_what_its_owner_does_by_hand_is_told_and_left_alone(on_spot: AtCoinDcx) -> None:
    await entered(on_spot)
    struck(on_spot, "foreign_order", 0.01, "BTCUSDT")
    await on_spot.price("50001")
    await on_spot.work(8)
    await on_spot.ship.signal("EXIT_LONG")
    await on_spot.work(20)
    cancelled = on_spot.exchange.world.ledger.of("order_cancelled")
    foreign = {
        each["order_id"]
        for each in on_spot.exchange.world.ledger.of("order_accepted")
        if each["foreign"]
    }
    assert foreign
    assert not [each for each in cancelled if each["order_id"] in foreign]
    assert (await on_spot.ship.only("trades")).state == "closed"
    ledger = on_spot.exchange.world.ledger
    assert on_spot.held() == sum(ledger.filled("key", one) for one in foreign)


@pytest.mark.parametrize("instrument", [future(), STOPPED_SPOT], ids=["futures", "spot"])
async def test_a29_a_stop_that_its_owner_cancels_again_and_again_is_no_fight(
    memory: Database, clock: FakeClock, instrument: Instrument
) -> None:
    sea = await at_coindcx(memory, clock, instrument)
    await entered(sea)
    for _ in range(3):
        struck(sea, "user_cancels_our_sl")
        await sea.work(60)
    trade = await sea.ship.only("trades")
    assert trade.state in ("protected", "closed")  # put back, or left: never without
    await in_order(sea, held=str(sea.held()))


async def test_a30_a_position_that_its_owner_closes_is_closed_in_our_books(
    perpetual: AtCoinDcx,
) -> None:
    await entered(perpetual)
    struck(perpetual, "user_closes_position")
    await perpetual.work(20)
    trade = await perpetual.ship.only("trades")
    assert (trade.state, trade.exit_reason) == ("closed", "hand")
    await in_order(perpetual)


async def test_a31_the_parts_of_one_order_are_one_intent(perpetual: AtCoinDcx) -> None:
    perpetual.fault("split_into_children")
    await entered(perpetual, 40)
    entry = await perpetual.ship.only("intents", leg="entry")
    assert entry.filled == perpetual.held() > 0
    await perpetual.ship.signal("EXIT_LONG")
    await perpetual.work(30)
    await in_order(perpetual)


async def test_a40_while_the_venue_is_away_for_twenty_minutes_stops_stand_and_entries_expire(
    perpetual: AtCoinDcx,
) -> None:
    await entered(perpetual)
    down(perpetual, 1200)
    (account,) = perpetual.exchange.world.accounts.values()
    stops = [each.stop_price for each in account.open_futures.values()]
    await perpetual.work(300)
    assert [each.stop_price for each in account.open_futures.values()] == stops
    assert (await perpetual.ship.only("trades")).state == "protected"
    await perpetual.work(1000)
    await in_order(perpetual, held=str(perpetual.held()))


# ---- exits: whatever stands in their way, in the end the position is closed, or somebody is told


@pytest.mark.parametrize("instrument", [future(), STOPPED_SPOT], ids=["futures", "spot"])
async def test_an_outage_of_twenty_minutes_across_an_exit_ends_with_the_position_closed(
    memory: Database, clock: FakeClock, instrument: Instrument
) -> None:
    sea = await at_coindcx(memory, clock, instrument)
    await entered(sea)
    down(sea, 1200)
    await sea.ship.signal("EXIT_LONG")
    await sea.work(1190)
    assert sea.held() > 0
    assert (await sea.ship.only("trades")).state == "exiting"
    await sea.work(60)
    assert (await sea.ship.only("trades")).state == "closed"
    await in_order(sea)


@pytest.mark.parametrize("mode", ["halt_new", "reduce_only", "flatten"])
async def test_a_halt_of_entries_keeps_no_exit_back(
    perpetual: AtCoinDcx, mode: Literal["halt_new", "reduce_only", "flatten"]
) -> None:
    await entered(perpetual)
    bus = Bus("redis://127.0.0.1:1", perpetual.ship.clock)
    await Halts(perpetual.ship.db, bus).halt("platform", by_user="us1", mode=mode)
    await perpetual.ship.signal("EXIT_LONG")
    await perpetual.work(20)
    assert (await perpetual.ship.only("trades")).state == "closed"
    await in_order(perpetual)


async def test_an_exit_whose_key_expired_is_told_and_goes_out_with_the_next_key(
    perpetual: AtCoinDcx,
) -> None:
    await entered(perpetual)
    perpetual.exchange.faults.script(Fault("401"), times=10**6)
    await perpetual.ship.signal("EXIT_LONG")
    await perpetual.work(1300)
    assert perpetual.held() > 0
    assert (await perpetual.ship.only("trades")).state == "exiting"
    named = {row.kind for row in await perpetual.ship.rows("events")}
    assert named & {"exit_in_doubt", "exit_refused", "incident"}, named

    perpetual.exchange.faults.scripts.clear()
    await perpetual.work(400)
    assert (await perpetual.ship.only("trades")).state == "closed"
    await in_order(perpetual)


async def test_j17_an_exit_goes_out_through_a_budget_that_entries_have_used_up(
    perpetual: AtCoinDcx,
) -> None:
    ship = perpetual.ship
    await entered(perpetual)
    slow = replace(with_stops(), rates=Rates(2, 20, 20, 20, 20, 20))
    keys = {AccountId("ac1"): Credentials("key", "secret")}
    ship.restart(broker_over(perpetual.exchange, ship.clock, keys, slow))
    await ship.desk.leases.once()
    passing = asyncio.create_task(tide(ship.clock))  # whoever waits for budget waits for time
    for _ in range(10):
        await ship.loops.follower.tracker.read({"paper": {"ac1"}})
    await ship.signal("EXIT_LONG")
    began = ship.clock.seconds
    while perpetual.held() and ship.clock.seconds < began + 60:
        await perpetual.work(2)
    assert perpetual.held() == 0
    await perpetual.work(150)
    passing.cancel()
    assert (await ship.only("trades")).state == "closed"


async def tide(clock: FakeClock) -> None:
    while True:
        await clock.advance(0.25)
        await asyncio.sleep(0)
