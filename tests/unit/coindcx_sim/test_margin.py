"""Margin orders and loans at the simulated exchange: made, changed and closed by our client."""

import json
from decimal import Decimal

import pytest

from control_plane.brokers.coindcx import lend, margin, parse_futures
from control_plane.brokers.coindcx.document import read_json
from control_plane.brokers.coindcx.margin import NewMarginOrder
from tests.coindcx_sim.desk import Desk
from tests.unit.brokers.coindcx.payloads import body

D = Decimal


def limit(**changes: object) -> NewMarginOrder:
    values: dict[str, object] = {
        "market": "BTCUSDT",
        "side": "buy",
        "order_type": "limit_order",
        "quantity": D("0.01"),
        "price": D("70000"),
    }
    return NewMarginOrder(**(values | changes))  # type: ignore[arg-type]


async def test_an_order_is_made_changed_and_cancelled() -> None:
    desk = Desk()
    made = await desk.ask(margin.create(limit(leverage=D(2), target_price=D(80_000))))
    assert (made.status, made.target, made.leverage) == ("init", D(80_000), D(2))
    await desk.ask(margin.edit_target(made.id, D(81_000)))
    await desk.ask(margin.edit_price_of_target_order(made.id, 164993, D(82_000)))
    await desk.ask(margin.edit_stop(made.id, D(69_000), is_trailing=False))
    await desk.ask(margin.add_margin(made.id, D(5)))
    await desk.ask(margin.remove_margin(made.id, D(5)))
    (found,) = await desk.ask(margin.order(made.id))
    assert (found.target, found.stop_loss) == (D(82_000), D(69_000))
    await desk.ask(margin.cancel(made.id))
    assert (await desk.ask(margin.orders()))[0].status == "cancelled"


async def test_a_trailing_stop_is_changed_on_its_own_route() -> None:
    desk = Desk()
    made = await desk.ask(margin.create(limit(trailing_stop=True)))
    await desk.ask(margin.edit_stop(made.id, D(69_000), is_trailing=True))
    await desk.refused(margin.edit_stop(made.id, D(69_000), is_trailing=False))


@pytest.mark.parametrize(
    "changes",
    [
        {"price": None},
        {"order_type": "market_order"},
        {"stop_price": D(1)},
        {"order_type": "stop_limit"},
    ],
)
def test_an_order_that_cannot_be_is_never_sent(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="price"):
        margin.create(limit(**changes))


async def test_money_is_lent_and_taken_back() -> None:
    desk = Desk()
    before = await desk.free("USDT")
    (made,) = await desk.ask(lend.lend("USDT", D(100), 20))
    assert (made.is_open, await desk.free("USDT")) == (True, before - 100)
    await desk.ask(lend.settle(made.id))
    (settled,) = await desk.ask(lend.orders())
    assert (settled.is_open, await desk.free("USDT")) == (False, before)
    await desk.refused(lend.lend("USDT", D(10) ** 9, 20))


def test_a_recorded_loan_is_read() -> None:
    raw = body("lend_orders")
    (loan,) = parse_futures.lent(read_json(raw, len(raw)))
    assert (loan.currency, loan.amount, loan.days) == ("USDT", D("10.5"), 20)
    assert json.loads(raw)[0]["status"] == "open"


async def test_an_order_tells_its_legs_to_who_asks_for_them() -> None:
    desk = Desk()
    await desk.ask(margin.create(limit()))
    (brief,), (full,) = [await desk.ask(margin.orders(details=each)) for each in (False, True)]
    assert brief.legs == ()
    (leg,) = full.legs
    assert (leg.stage, leg.side, leg.quantity) == ("stage_entry", full.side, full.quantity)


def test_a_recorded_margin_order_is_read_with_its_legs() -> None:
    raw = body("margin_orders")
    (found,) = parse_futures.margin_orders(read_json(raw, len(raw)))
    (leg,) = found.legs
    assert (leg.id, leg.status, leg.at_ms) == ("164993", "initial", 1568122929880)
