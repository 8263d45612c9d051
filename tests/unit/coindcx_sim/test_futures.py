"""Futures as the reference has them, its worked examples among them."""

import json
from decimal import Decimal

import pytest

from control_plane.brokers.coindcx import futures, futures_positions, margin
from control_plane.brokers.coindcx.outcomes import Reason
from tests.coindcx_sim import futures_views
from tests.coindcx_sim.accounts import Position
from tests.coindcx_sim.build import exchange
from tests.coindcx_sim.desk import Desk, perpetual
from tests.unit.brokers.coindcx.payloads import body

BTC = "B-BTC_USDT"
HOUR = 3600.0

REFUSED = [
    (perpetual(quantity="0.0001"), Reason.TOO_SMALL),
    (perpetual(quantity="121"), Reason.TOO_LARGE),
    (perpetual(price="79000.05"), Reason.TICK),
    (perpetual(price="900000"), Reason.PRICE_BAND),
    (perpetual(price="83000"), Reason.PRICE_BAND),
    (perpetual(side="sell", price="76000"), Reason.PRICE_BAND),
    (perpetual(quantity="0.001", pair="B-ETH_USDT"), Reason.MIN_NOTIONAL),
    (perpetual(kind="limit_order"), Reason.PRICE_MISSING),
    (perpetual(kind="stop_market", stop="79000"), Reason.TRIGGER_SIDE),
    (perpetual(kind="stop_limit", stop="80000", price="79900"), Reason.TRIGGER_SIDE),
    (perpetual(quantity="100"), Reason.NO_FUNDS),
    (perpetual(quantity="119", book="INR"), Reason.NO_FUNDS),
]


@pytest.mark.parametrize(("order", "reason"), REFUSED, ids=str)
async def test_an_illegal_order_is_refused_for_its_reason(
    order: futures.NewFuturesOrder, reason: Reason
) -> None:
    desk = Desk()
    call = futures.create(order, signed_ms=desk.now(), skew_ms=0)
    assert (await desk.refused(call)).reason is reason
    assert all(not each.locked for each in desk.account.wallets.values())


async def test_leverage_that_is_not_the_positions_is_refused() -> None:
    desk = Desk()
    await desk.ask(futures_positions.update_leverage(BTC, Decimal(10), "USDT"))
    call = futures.create(perpetual(), signed_ms=desk.now(), skew_ms=0)
    assert (await desk.refused(call)).reason is Reason.LEVERAGE


def test_maintenance_margin_is_progressive_as_in_the_docs() -> None:
    assert exchange().world.futures[BTC].maintenance(Decimal(60_000)) == 950


def test_the_liquidation_price_fits_the_live_position_of_the_reference() -> None:
    world = exchange().world
    held = Position("x", "B-ETH_USDT", "USDT", Decimal("0.01"), Decimal("3045.02"))
    held.locked_margin = Decimal("30.47606849152526")
    found = futures_views.liquidation_price(world, held)
    assert found == Decimal("43.088450847474")


async def test_ideal_margin_fits_the_sample_of_the_reference() -> None:
    desk = Desk()
    desk.move(BTC, "78000.1")
    made = await desk.place_futures(perpetual("sell", "0.002", book="INR"))
    assert desk.account.futures[made.id].ideal_margin == Decimal("31.2368560472")


async def test_an_entry_becomes_a_position_with_its_stop() -> None:
    desk = Desk()
    made = await desk.place_futures(perpetual(stop_loss="79000", take_profit="81000"))
    assert made.status == "initial"
    await desk.wait(0.1)
    held = await desk.position(BTC)
    assert (held.quantity, held.stop_loss, held.take_profit) == (
        Decimal("0.01"),
        Decimal(79000),
        Decimal(81000),
    )
    wallet = desk.account.wallets["USDT"]
    assert wallet.locked == held.locked_margin
    fee = held.average_price * held.quantity * Decimal("0.00059")
    assert wallet.free + wallet.locked == 50_000 - fee


@pytest.mark.parametrize(("price", "left"), [("78990", "take_profit"), ("81010", "stop_loss")])
async def test_a_stop_or_target_closes_all_and_ends_the_other(price: str, left: str) -> None:
    desk = Desk()
    await desk.place_futures(perpetual(stop_loss="79000", take_profit="81000"))
    await desk.wait(0.1)
    desk.move(BTC, price)
    assert (await desk.position(BTC)).is_flat
    assert not desk.account.open_futures
    assert desk.account.wallets["USDT"].locked == 0


async def test_stop_and_target_both_fill_and_open_the_other_side() -> None:
    desk = Desk()
    await desk.place_futures(perpetual(stop_loss="79000", take_profit="81000"))
    await desk.wait(0.1)
    desk.strike("both_sl_and_tp_fill")
    desk.move(BTC, "78990")
    assert (await desk.position(BTC)).quantity == Decimal("-0.01")


async def test_an_exit_is_for_the_whole_and_names_its_group() -> None:
    desk = Desk()
    await desk.place_futures(perpetual(stop_loss="79000"))
    await desk.wait(0.1)
    held = await desk.position(BTC)
    done = await desk.ask(futures_positions.exit_position(held.id))
    assert BTC in done.group_id
    assert (await desk.position(BTC)).is_flat
    assert not desk.account.open_futures


async def test_each_leg_of_create_tpsl_has_its_fate() -> None:
    desk = Desk()
    await desk.place_futures(perpetual())
    await desk.wait(0.1)
    held = await desk.position(BTC)
    both = futures_positions.create_tpsl(held.id, Decimal(79000), Decimal(79000))
    placed = await desk.ask(both)
    assert placed.stop_loss is not None
    assert placed.stop_loss.order is not None
    assert placed.take_profit is not None
    assert "greater than the current price" in placed.take_profit.error
    again = await desk.ask(futures_positions.create_tpsl(held.id, Decimal(79100), None))
    assert again.stop_loss is not None
    assert again.stop_loss.error == "SL already exists"


async def test_an_opposite_order_reduces_and_then_turns_the_position() -> None:
    desk = Desk()
    await desk.place_futures(perpetual())
    await desk.wait(0.1)
    await desk.place_futures(perpetual("sell", "0.015"))
    await desk.wait(0.1)
    held = await desk.position(BTC)
    assert held.quantity == Decimal("-0.005")
    assert abs(desk.account.wallets["USDT"].locked - held.locked_margin) < Decimal("1e-15")


async def test_the_two_books_are_two_positions() -> None:
    desk = Desk()
    await desk.place_futures(perpetual())
    await desk.place_futures(perpetual("sell", book="INR"))
    await desk.wait(0.1)
    found = await desk.ask(futures_positions.positions())
    assert {each.margin_currency: each.quantity for each in found} == {
        "USDT": Decimal("0.01"),
        "INR": Decimal("-0.01"),
    }
    assert len(await desk.ask(futures_positions.positions(margin_currencies=("USDT",)))) == 1


async def test_the_inr_book_converts_by_the_peg() -> None:
    desk = Desk()
    await desk.place_futures(perpetual(book="INR"))
    await desk.wait(0.1)
    (row,) = await desk.ask(futures_positions.transactions())
    (trade,) = await desk.ask(futures.trades(BTC, "2026-01-01", "2026-12-31"))
    assert row.fee == trade.fee * 102
    assert row.parent_id == trade.order_id


async def test_a_mark_beyond_the_liquidation_price_ends_the_position() -> None:
    desk = Desk()
    await desk.place_futures(perpetual())
    await desk.wait(0.1)
    limit = (await desk.position(BTC)).liquidation_price
    desk.move(BTC, f"{limit - 1:.1f}")
    assert (await desk.position(BTC)).is_flat
    assert desk.exchange.world.ledger.of("liquidation")
    assert desk.account.wallets["USDT"].free > 0


async def test_longs_pay_funding_every_eight_hours_out_of_their_margin() -> None:
    desk = Desk()
    await desk.place_futures(perpetual())
    await desk.wait(0.1)
    before = (await desk.position(BTC)).locked_margin
    await desk.wait(9 * HOUR)
    paid = Decimal("0.01") * 79750 * Decimal("0.0001")
    assert (await desk.position(BTC)).locked_margin == before - paid
    (row,) = await desk.ask(futures_positions.transactions("funding"))
    assert (row.amount, row.source) == (-paid, "system")


async def test_a_stop_order_waits_untriggered_and_then_fills() -> None:
    desk = Desk()
    made = await desk.place_futures(perpetual(kind="stop_market", stop="80000"))
    await desk.wait(0.1)
    assert desk.account.futures[made.id].status == "untriggered"
    desk.move(BTC, "80001")
    assert desk.account.futures[made.id].status == "filled"


@pytest.mark.parametrize(
    ("force", "status"),
    [("immediate_or_cancel", "partially_cancelled"), ("fill_or_kill", "cancelled")],
)
async def test_an_impatient_order_leaves_nothing_behind(force: str, status: str) -> None:
    desk = Desk()
    desk.exchange.world.tape.line(BTC).liquidity = Decimal("0.004")
    made = await desk.place_futures(perpetual(price="79800", force=force))
    await desk.wait(0.1)
    (found,) = await desk.ask(futures.orders("buy"))
    assert (found.id, found.status) == (made.id, status)
    assert not desk.account.open_futures


async def test_margin_can_be_moved_but_not_below_what_holds() -> None:
    desk = Desk()
    await desk.place_futures(perpetual())
    await desk.wait(0.1)
    held = await desk.position(BTC)
    await desk.ask(futures_positions.add_margin(held.id, Decimal(10)))
    after = await desk.position(BTC)
    assert after.locked_margin == held.locked_margin + 10
    assert after.liquidation_price < held.liquidation_price
    found = await desk.refused(futures_positions.remove_margin(held.id, Decimal(165)))
    assert found.reason is Reason.LIQUIDATION
    found = await desk.refused(futures_positions.remove_margin(held.id, Decimal(1000)))
    assert found.reason is Reason.MARGIN


async def test_an_order_of_the_usdt_book_can_be_edited() -> None:
    desk = Desk()
    made = await desk.place_futures(perpetual(price="79000"))
    await desk.wait(0.1)
    edited = await desk.ask(futures.edit(made.id, Decimal("0.02"), Decimal(79100)))
    assert (edited.id, edited.quantity, edited.price) == (
        made.id,
        Decimal("0.02"),
        Decimal(79100),
    )
    await desk.ask(futures.cancel(made.id))
    assert desk.account.wallets["USDT"].free == 50_000


async def test_an_instrument_that_is_exit_only_takes_no_entry_but_exits() -> None:
    desk = Desk()
    await desk.place_futures(perpetual())
    await desk.wait(0.1)
    desk.exchange.world.futures[BTC].exit_only = True
    call = futures.create(perpetual(), signed_ms=desk.now(), skew_ms=0)
    assert (await desk.refused(call)).reason is Reason.EXIT_ONLY
    await desk.ask(futures_positions.exit_position((await desk.position(BTC)).id))


async def test_an_account_without_a_futures_wallet_is_told_so() -> None:
    desk = Desk()
    desk.account.wallets.clear()
    assert (await desk.refused(futures_positions.wallets())).reason is Reason.NO_WALLET


async def test_margin_orders_are_read_and_closed() -> None:
    desk = Desk()
    row = json.loads(body("margin_orders"))[0] | {"status": "open"}
    desk.account.margin_orders.append(row)
    (listed,) = await desk.ask(margin.orders(status="open"))
    assert (await desk.ask(margin.order(listed.id)))[0] == listed
    assert (await desk.refused(margin.cancel(listed.id))).reason is Reason.NOT_CANCELLABLE
    await desk.ask(margin.exit_order(listed.id))
    assert (await desk.ask(margin.order(listed.id)))[0].status == "close"
    assert not await desk.ask(margin.orders(status="open"))
