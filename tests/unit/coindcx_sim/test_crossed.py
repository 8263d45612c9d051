"""Crossed margin: one wallet carries all of it, or none."""

import random
from decimal import Decimal

import pytest

from control_plane.brokers.coindcx import futures, futures_positions
from control_plane.brokers.coindcx.models import CrossMargin, FuturesTrade, Wallet
from control_plane.brokers.coindcx.outcomes import Reason
from tests.coindcx_sim.desk import Desk, perpetual
from tests.coindcx_sim.switches import Switches

BTC, ETH = "B-BTC_USDT", "B-ETH_USDT"
ZERO = Decimal(0)
START = Decimal(50_000)  # of the USDT wallet


async def opened(*orders: futures.NewFuturesOrder) -> Desk:
    desk = Desk(Switches(limits_on=False))
    for order in orders:
        await desk.place_futures(order)
        await desk.wait(0.1)
    return desk


def one(pair: str = BTC, quantity: str = "1", side: str = "buy") -> futures.NewFuturesOrder:
    return perpetual(side, quantity, pair=pair, margin_type="crossed")


async def details(desk: Desk) -> CrossMargin:
    return await desk.ask(futures_positions.cross_margin_details())


async def usdt(desk: Desk) -> Wallet:
    found = await desk.ask(futures_positions.wallets())
    return next(each for each in found if each.currency == "USDT")


async def test_a_crossed_position_locks_nothing_and_tells_what_it_uses() -> None:
    desk = await opened(one(), one(ETH, "2"))
    wallet, held = await usdt(desk), await desk.position(BTC)
    paid = sum((each.fee for each in await trades(desk)), Decimal(0))
    assert (wallet.balance, wallet.locked) == (START - paid, ZERO)
    assert wallet.cross_user == sum(each.user_margin for each in desk.account.positions.values())
    assert (held.margin_type, held.liquidation_price) == ("crossed", ZERO)


async def test_the_sums_of_the_reference_hold() -> None:
    desk = await opened(one(), one(ETH, "2", "sell"), perpetual(pair="B-SOL_USDT", quantity="5"))
    await desk.place_futures(perpetual(quantity="0.5", price="77000", margin_type="crossed"))
    desk.move(BTC, "78500")
    desk.move(ETH, "2600")
    found, wallet = await details(desk), await usdt(desk)
    assert found.pnl < 0
    assert wallet.cross_order > 0
    assert found.equity == found.wallet_balance + found.pnl
    assert found.available_cross == found.equity - wallet.cross_user - wallet.cross_order
    assert found.margin_ratio == pytest.approx(found.maintenance_margin / found.equity)
    assert found.available_isolated <= found.available_cross


async def test_the_wallet_carries_what_would_sink_an_isolated_position() -> None:
    together = await opened(one())
    alone = await opened(perpetual(quantity="1"))
    limit = (await alone.position(BTC)).liquidation_price
    for desk in (together, alone):
        desk.move(BTC, str(limit.quantize(Decimal("0.1")) - 100))
    assert (await alone.position(BTC)).is_flat
    assert not (await together.position(BTC)).is_flat


async def test_when_the_wallet_sinks_all_crossed_positions_go_at_once() -> None:
    desk = await opened(one(quantity="2"), one(ETH, "2"))
    far = perpetual(pair=ETH, quantity="1", price="2000", margin_type="crossed")
    resting = await desk.place_futures(far)
    price = Decimal(79_000)
    while desk.account.positions[BTC, "USDT"].quantity:
        before = await details(desk)
        assert before.margin_ratio < 1
        price -= 500
        desk.move(BTC, str(price))
        assert price > 50_000, "a wallet of 50,000 carries no such loss"
    held = desk.account.positions
    assert held[ETH, "USDT"].quantity == 0
    assert desk.account.futures[resting.id].status == "cancelled"
    assert {each["instrument"] for each in desk.exchange.world.ledger.of("liquidation")} == {
        f"fut:{BTC}:USDT", f"fut:{ETH}:USDT",
    }  # fmt: skip
    assert (await usdt(desk)).balance >= 0


async def test_what_one_position_gains_carries_what_another_loses() -> None:
    desk = await opened(one(), one(ETH, "60", "sell"))
    desk.move(ETH, "2000")
    desk.move(BTC, "25000")
    assert (await details(desk)).margin_ratio < 1
    assert not (await desk.position(BTC)).is_flat
    desk.move(ETH, "2570")  # the gain is gone
    assert (await desk.position(BTC)).is_flat


async def test_an_order_takes_no_more_than_is_left_beside_crossed_positions() -> None:
    desk = await opened(one(quantity="2"))
    left = (await details(desk)).available_isolated
    size = (left * 5 / Decimal(79_950)).quantize(Decimal("0.001"))
    call = futures.create(perpetual(quantity=str(size)), signed_ms=desk.now(), skew_ms=0)
    assert (await desk.refused(call)).reason is Reason.BAD_REQUEST  # its position is crossed
    eth = (left * 5 / Decimal(2_570) * Decimal("1.05")).quantize(Decimal("0.01"))
    for kind in ("isolated", "crossed"):
        order = perpetual(quantity=str(eth), pair=ETH, margin_type=kind)
        call = futures.create(order, signed_ms=desk.now(), skew_ms=0)
        assert (await desk.refused(call)).reason is Reason.NO_FUNDS, kind


async def test_the_kind_of_margin_changes_only_while_nothing_stands_on_it() -> None:
    desk = await opened(one())
    change = futures_positions.margin_type(BTC, "isolated")
    assert (await desk.refused(change)).reason is Reason.BAD_REQUEST
    held = await desk.position(BTC)
    await desk.ask(futures_positions.exit_position(held.id))
    resting = await desk.place_futures(perpetual(price="77000", margin_type="crossed"))
    assert (await desk.refused(change)).reason is Reason.BAD_REQUEST
    await desk.ask(futures.cancel(resting.id))
    (changed,) = await desk.ask(change)
    assert changed.margin_type == "isolated"
    inr = futures.create(
        perpetual(book="INR", margin_type="crossed"), signed_ms=desk.now(), skew_ms=0
    )
    assert (await desk.refused(inr)).reason is Reason.BAD_REQUEST


async def test_margin_of_its_own_cannot_be_moved_and_funding_is_paid_by_the_wallet() -> None:
    desk = await opened(one())
    held, before = await desk.position(BTC), (await usdt(desk)).balance
    moving = futures_positions.add_margin(held.id, Decimal(10))
    assert (await desk.refused(moving)).reason is Reason.BAD_REQUEST
    desk.exchange.world.tape.line(BTC).funding_rate = Decimal("0.001")
    await desk.wait(8 * 3600)
    after = (await usdt(desk)).balance
    assert after < before
    moves = await desk.ask(futures_positions.wallet_transactions())
    assert [each.reason for each in moves] == ["by_futures_order", "by_futures_funding"]
    assert moves[-1].amount == before - after


@pytest.mark.parametrize("kind", ["isolated", "crossed"])
async def test_another_leverage_asks_for_other_margin_at_once(kind: str) -> None:
    desk = await opened(perpetual(quantity="2", margin_type=kind))
    held = desk.account.positions[BTC, "USDT"]
    await desk.ask(futures_positions.update_leverage(BTC, Decimal(4), "USDT"))
    fees = 1 + 2 * desk.exchange.world.futures[BTC].taker_fee / 100
    assert held.user_margin == 2 * held.average / 4 * fees
    down = futures_positions.update_leverage(BTC, Decimal(1), "USDT")
    assert (await desk.refused(down)).reason is Reason.NO_FUNDS
    assert (await desk.position(BTC)).leverage == 4


async def test_leverage_that_would_liquidate_at_once_is_refused() -> None:
    desk = await opened(perpetual(quantity="1"))
    desk.move(BTC, "70000")
    up = futures_positions.update_leverage(BTC, Decimal(10), "USDT")
    assert (await desk.refused(up)).reason is Reason.LIQUIDATION


@pytest.mark.parametrize("seed", range(5))
async def test_no_money_comes_or_goes_but_by_what_the_bookings_say(seed: int) -> None:
    rng = random.Random(seed)
    desk = Desk(Switches(limits_on=False))
    for _ in range(60):
        pair = rng.choice((BTC, ETH))
        side, quantity = rng.choice(("buy", "sell")), rng.choice(("0.1", "0.25", "0.5"))
        order = perpetual(side, quantity, pair=pair, margin_type="crossed")
        await desk.outcome(futures.create(order, signed_ms=desk.now(), skew_ms=0))
        await desk.wait(rng.choice((0.1, 3600.0)))
        line = desk.exchange.world.tape.line(pair)
        share = Decimal(rng.choice(("0.99", "1.01", "1.02")))
        desk.move(pair, str((line.last * share).quantize(Decimal("0.1"))))
    booked = sum((each["amount"] - each["fee_amount"] for each in desk.account.transactions), ZERO)
    purse = desk.account.wallets["USDT"]
    assert abs(purse.free - (START + booked)) < Decimal("1e-15")
    assert purse.locked == 0
    moved = sum(
        (m["amount"] * (1 if m["transaction_type"] == "credit" else -1)
         for m in desk.account.wallet_moves), ZERO
    )  # fmt: skip
    assert abs(moved - booked) < Decimal("1e-15")


async def trades(desk: Desk) -> list[FuturesTrade]:
    found = []
    for pair in (BTC, ETH):
        found += await desk.ask(futures.trades(pair, "2026-01-01", "2026-12-31"))
    return found
