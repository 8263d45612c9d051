"""Spot as the reference has it: legality, the state machine, locks, fees."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.brokers.coindcx import spot
from control_plane.brokers.coindcx.models import Rejected, SpotOrder
from control_plane.brokers.coindcx.outcomes import Reason
from tests.coindcx_sim.desk import Desk, limit
from tests.coindcx_sim.switches import Switches

REFUSED = [
    (limit("a", "7900000", market="NOPE"), Reason.UNKNOWN_MARKET),
    (limit("a", "7900000", "0.000001"), Reason.TOO_SMALL),
    (limit("a", "7900000", "0.001001"), Reason.STEP),
    (limit("a", "7900000.55"), Reason.TICK),
    (limit("a", "3000000"), Reason.PRICE_BAND),
    (limit("a", "7900000", "0.00001"), Reason.MIN_NOTIONAL),
    (limit("a", "7900000", "2"), Reason.NO_FUNDS),
    (limit("a", "18", "0.5", market="DOGEINR"), Reason.TOO_SMALL),
    (limit("a", "1", "1", side="sell", market="LYXUSDT"), Reason.MIN_NOTIONAL),
    (limit("a", "1", "10", side="sell", market="LYXUSDT"), Reason.NO_FUNDS),
    (spot.NewOrder("ETHINR", "buy", "market_order", Decimal(1), "a"), Reason.ORDER_TYPE),
    (spot.NewOrder("BTCINR", "buy", "market_order", Decimal("0.0159"), "a"), Reason.TOO_SMALL),
    (spot.NewOrder("BTCINR", "buy", "limit_order", Decimal("0.01"), "a"), Reason.BAD_REQUEST),
    (spot.NewOrder("BTCINR", "hold", "limit_order", Decimal("0.01"), "a"), Reason.BAD_REQUEST),
]


@pytest.mark.parametrize(("order", "reason"), REFUSED, ids=str)
async def test_an_illegal_order_is_refused_for_its_reason(
    order: spot.NewOrder, reason: Reason
) -> None:
    desk = Desk()
    found = await desk.refused(desk.creating(order))
    assert found.reason is reason
    assert not desk.exchange.world.ledger.of("order_accepted")
    assert all(not purse.locked for purse in desk.account.purses.values())


async def test_a_marketable_limit_fills_at_the_better_price() -> None:
    desk = Desk()
    made = await desk.place(limit("a", "7900000"))
    assert made.status == "init"
    await desk.wait(0.1)
    found = await desk.ask(spot.status(client_order_id="a"))
    assert (found.status, found.average_price) == ("filled", Decimal("7890000.1"))
    (trade,) = await desk.ask(spot.trade_history())
    assert trade.fee == Decimal("7890.0001") * Decimal("0.59") / 100
    spent = Decimal(10_000_000) - await desk.free("INR")
    assert spent == trade.price * trade.quantity + trade.fee
    assert await desk.free("BTC") == Decimal("5.001")


async def test_a_resting_order_locks_its_cost_and_fee_and_gives_them_back() -> None:
    desk = Desk()
    made = await desk.place(limit("a", "7000000"))
    await desk.wait(0.1)
    rows = {each.currency: each for each in await desk.ask(spot.balances())}
    assert rows["INR"].locked == 7000 * Decimal("1.0059")
    await desk.ask(spot.cancel(made.id))
    assert await desk.free("INR") == 10_000_000
    assert (await desk.ask(spot.status(made.id))).status == "cancelled"
    assert (await desk.refused(spot.cancel(made.id))).reason is Reason.NOT_CANCELLABLE


async def test_a_price_that_comes_fills_what_rests_part_by_part() -> None:
    desk = Desk()
    desk.exchange.world.tape.line("BTCINR").liquidity = Decimal("0.0004")
    await desk.place(limit("a", "7800000"))
    await desk.wait(0.1)
    desk.move("BTCINR", "7799999")
    assert (await desk.ask(spot.status(client_order_id="a"))).status == "partially_filled"
    desk.move("BTCINR", "7799998")
    desk.move("BTCINR", "7799997")
    found = await desk.ask(spot.status(client_order_id="a"))
    assert (found.status, found.remaining) == ("filled", Decimal(0))
    assert len(await desk.ask(spot.trade_history())) == 3


@pytest.mark.parametrize("how", ["kept", "zero"])
async def test_the_fills_of_a_partially_cancelled_order_tell_what_traded(how: str) -> None:
    desk = Desk(Switches(remaining_after_cancel="zero" if how == "zero" else "kept"))
    desk.fault("partial_fill", 0.4, path="/create")
    made = await desk.place(limit("a", "7900000"))
    await desk.wait(0.1)
    await desk.ask(spot.cancel(made.id))
    found = await desk.ask(spot.status(made.id))
    assert found.status == "partially_cancelled"
    assert found.remaining == (Decimal("0.0006") if how == "kept" else 0)
    traded = sum(each.quantity for each in await desk.ask(spot.trade_history()))
    assert traded == Decimal("0.0004") == desk.exchange.world.ledger.filled("key-0", made.id)


async def test_a_stop_waits_for_its_trigger() -> None:
    desk = Desk()
    stop = spot.NewOrder(
        "BTCUSDT", "sell", "stop_limit", Decimal("0.01"), "s", Decimal(78900), Decimal(79000)
    )
    await desk.place(stop)
    await desk.wait(0.1)
    desk.move("BTCUSDT", "79001")
    assert (await desk.ask(spot.status(client_order_id="s"))).status == "open"
    desk.move("BTCUSDT", "78999")
    assert (await desk.ask(spot.status(client_order_id="s"))).status == "filled"


async def test_a_stop_through_which_the_price_fell_rests_at_its_limit() -> None:
    desk = Desk()
    stop = spot.NewOrder(
        "BTCUSDT", "sell", "stop_limit", Decimal("0.01"), "s", Decimal(78900), Decimal(79000)
    )
    await desk.place(stop)
    await desk.wait(0.1)
    desk.move("BTCUSDT", "70000")
    assert (await desk.ask(spot.status(client_order_id="s"))).status == "open"


@pytest.mark.attack("Q8")
async def test_a_client_order_id_serves_once() -> None:
    desk = Desk()
    await desk.place(limit("a", "7000000"))
    found = await desk.refused(desk.creating(limit("a", "7000000")))
    assert found.reason is Reason.DUPLICATE_CLIENT_ID
    assert not desk.exchange.world.ledger.repeated_client_ids()


async def test_the_twenty_sixth_open_order_of_a_market_is_refused() -> None:
    desk = Desk(Switches(limits_on=False))
    for n in range(25):
        await desk.place(limit(f"a{n}", "7000000"))
    found = await desk.refused(desk.creating(limit("b", "7000000")))
    assert found.reason is Reason.OPEN_ORDERS
    assert await desk.ask(spot.active_orders_count("BTCINR")) == 25
    assert len(await desk.ask(spot.active_orders("BTCINR", size=10, page=3))) == 5


async def test_a_batch_has_a_fate_for_each_element() -> None:
    desk = Desk()
    orders = [limit("a", "7000000"), limit("b", "79000", market="BTCUSDT")]
    call = spot.create_multiple(orders, require_echo=True, signed_ms=desk.now())
    made, refused = await desk.ask(call)
    assert isinstance(made, SpotOrder)
    assert isinstance(refused, Rejected)


async def test_an_edit_moves_price_and_lock_on_inr_markets_alone() -> None:
    desk = Desk()
    made = await desk.place(limit("a", "7000000"))
    other = await desk.place(limit("b", "70000", market="BTCUSDT"))
    await desk.wait(0.1)
    edited = await desk.ask(spot.edit(Decimal("7100000"), made.id))
    assert (edited.id, edited.price) == (made.id, Decimal(7_100_000))
    assert desk.account.purse("INR").locked == 7100 * Decimal("1.0059")
    assert (await desk.refused(spot.edit(Decimal(71000), other.id))).reason is Reason.NOT_EDITABLE


async def test_several_are_asked_and_cancelled_at_once() -> None:
    desk = Desk()
    ids = [(await desk.place(limit(f"a{n}", "7000000"))).id for n in range(3)]
    await desk.wait(0.1)
    assert len(await desk.ask(spot.status_multiple(ids=[*ids, "999"]))) == 3
    await desk.ask(spot.cancel_by_ids(ids=ids[:2]))
    assert [each.id for each in await desk.ask(spot.active_orders("BTCINR"))] == ids[2:]
    await desk.ask(spot.cancel_all("BTCINR"))
    assert not await desk.ask(spot.active_orders("BTCINR"))
    assert await desk.free("INR") == 10_000_000


async def test_fills_are_paged_by_their_id() -> None:
    desk = Desk()
    for n in range(5):
        await desk.place(limit(f"a{n}", "7900000"))
    await desk.wait(0.1)
    first = await desk.ask(spot.trade_history(limit=2))
    rest = await desk.ask(spot.trade_history(from_id=int(first[-1].id)))
    assert [len(first), len(rest)] == [2, 3]
    assert len({each.id for each in first + rest}) == 5


async def test_two_keys_of_one_user_have_one_hash() -> None:
    desk = Desk()
    assert await desk.ask(spot.user()) == await desk.ask(spot.user())


@given(st.lists(st.tuples(st.sampled_from("bsxm"), st.integers(-40, 40)), max_size=40))
@settings(max_examples=40, deadline=None)
def test_money_is_neither_made_nor_lost(moves: list[tuple[str, int]]) -> None:
    """Balances are what they were, plus what the fills brought, less their fees."""
    desk = Desk(Switches(limits_on=False))
    engine = desk.exchange.routes.private["POST", "/exchange/v1/orders/create"].__self__.spot  # type: ignore[attr-defined]
    for n, (what, ticks) in enumerate(moves):
        price = Decimal(7_890_000 + ticks * 1_000)
        desk.exchange.advance(desk.now() + n * 100)
        fields = {
            "market": "BTCINR",
            "side": "buy" if what == "b" else "sell",
            "order_type": "limit_order",
            "total_quantity": Decimal("0.002"),
            "price_per_unit": price,
        }
        if what == "m":
            desk.exchange.move("BTCINR", price, desk.now() + n * 100)
        elif what == "x":
            for order in list(desk.account.open_spot.values()):
                if order.status != "init":
                    engine.cancel(desk.account, order)
        elif len(desk.account.open_spot) < 25:
            engine.create(desk.account, fields)
    fills = desk.exchange.world.ledger.of("fill")
    sign = {"buy": 1, "sell": -1}
    coins = sum(sign[each["side"]] * each["quantity"] for each in fills)
    money = sum(
        sign[each["side"]] * each["quantity"] * each["price"] + each["fee"] for each in fills
    )
    purses = desk.account.purses
    assert purses["BTC"].free + purses["BTC"].locked == 5 + coins
    total = purses["INR"].free + purses["INR"].locked
    assert abs(total - (10_000_000 - money)) < Decimal("1e-12")
    assert all(purse.free >= 0 and purse.locked >= Decimal("-1e-12") for purse in purses.values())
