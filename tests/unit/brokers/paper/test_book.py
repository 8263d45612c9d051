"""The paper exchange's matching: what fills, at what price, and that no money appears."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.brokers.errors import OrderRefused
from control_plane.brokers.paper.book import Book
from control_plane.brokers.paper.models import Cash, PaperOrder, Terms
from strategy_runtime.rules.money import ZERO
from tests.factories import D, future, spot, tick

TERMS = Terms(slippage=D("0.0002"), participation=D("0.25"))
EXACT = Terms(slippage=ZERO, participation=D("1"))


def order(identity: str, **changes: Any) -> PaperOrder:
    values: dict[str, Any] = {
        "id": identity,
        "client_order_id": identity,
        "side": "buy",
        "kind": "limit",
        "quantity": D("0.1"),
        "price": D("50000"),
        "created_ms": 0,
    }
    return PaperOrder(**(values | changes))


def spot_book(terms: Terms = TERMS, usdt: str = "10000", btc: str = "0") -> Book:
    return Book("a", spot(), terms, {"USDT": Cash(D(usdt)), "BTC": Cash(D(btc))})


def futures_book(terms: Terms = EXACT, usdt: str = "10000") -> Book:
    return Book("a", future(), terms, {"USDT": Cash(D(usdt))})


def enter(book: Book, identity: str = "in", **changes: Any) -> PaperOrder:
    values = {"quantity": D("0.1"), "margin_currency": "USDT", "leverage": D("10"), **changes}
    return book.place(order(identity, **values), tick("50000", 1))


def test_a_marketable_limit_pays_slippage_and_the_takers_fee() -> None:
    book = spot_book()
    placed = book.place(order("o"), tick("49900", 1))
    assert placed.state == "filled"
    assert book.fills[0].price == D("49909.98")
    assert book.fills[0].fee == D("0.1") * D("49909.98") * D("0.002")
    assert book.cash["BTC"] == Cash(D("0.1"))
    assert book.cash["USDT"].locked == 0


def test_an_order_takes_its_share_of_a_ticks_volume_and_no_more() -> None:
    book = spot_book()
    assert book.place(order("o"), tick("49900", 1, "0.2")).filled == D("0.05")
    book.on_tick(tick("49900", 2, "0.1"))
    assert book.orders["o"].filled == D("0.075")
    assert book.orders["o"].state == "partial"


def test_the_same_tick_never_fills_twice() -> None:
    book = spot_book()
    book.place(order("o"), tick("49900", 1, "0.2"))
    book.on_tick(tick("49900", 1, "0.2"))
    assert len(book.fills) == 1


def test_a_resting_limit_waits_for_its_price_and_pays_the_makers_fee() -> None:
    book = spot_book()
    assert book.place(order("o"), tick("50100", 1)).state == "open"
    book.on_tick(tick("50001", 2))
    assert not book.fills
    book.on_tick(tick("49990", 3))
    assert book.fills[0].price == D("50000")


def test_an_open_order_locks_what_it_can_cost_and_a_cancel_gives_it_back() -> None:
    book = spot_book()
    book.place(order("o"), tick("50100", 1))
    assert book.cash["USDT"] == Cash(D("4990"), D("5010"))
    book.cancel("o")
    assert book.cash["USDT"] == Cash(D("10000"))


def test_a_stop_rests_until_the_price_reaches_it() -> None:
    book = spot_book(btc="0.1")
    stop = order("s", side="sell", kind="stop_market", price=None, trigger_price=D("49000"))
    assert book.place(stop, tick("50000", 1)).state == "untriggered"
    assert book.cash["BTC"] == Cash(D("0"), D("0.1"))
    book.on_tick(tick("49500", 2))
    assert not book.fills
    book.on_tick(tick("48900", 3))
    assert book.orders["s"].state == "filled"
    assert book.fills[0].price < D("48900")


def test_a_target_sells_when_the_price_rises_to_it() -> None:
    book = spot_book(btc="0.1")
    target = order("t", side="sell", kind="take_profit", price=None, trigger_price=D("51000"))
    book.place(target, tick("50000", 1))
    book.on_tick(tick("51000", 2))
    assert book.orders["t"].state == "filled"


def refused(do: Callable[[], object]) -> str:
    with pytest.raises(OrderRefused) as refusal:
        do()
    return refusal.value.reason


def test_selling_what_one_does_not_have_is_refused() -> None:
    book = spot_book()
    assert refused(lambda: book.place(order("o", side="sell"), None)) == "no_short"


def test_too_little_money_is_refused() -> None:
    book = spot_book(usdt="100")
    assert refused(lambda: book.place(order("o"), None)) == "insufficient_funds"


def test_a_stop_that_the_price_has_passed_is_refused() -> None:
    book = spot_book(btc="0.1")
    stop = order("s", side="sell", kind="stop_market", price=None, trigger_price=D("51000"))
    assert refused(lambda: book.place(stop, tick("50000", 1))) == "trigger_passed"


def test_an_entry_brings_its_stop_to_the_position() -> None:
    book = futures_book()
    enter(book, stop_loss=D("49000"), take_profit=D("52000"))
    held = book.held["USDT"]
    assert (held.quantity, held.stop_loss, held.take_profit) == (D("0.1"), D("49000"), D("52000"))
    assert held.generation == 1


@pytest.mark.parametrize(("price", "stage"), [("48999", "stop"), ("52001", "target")])
def test_a_position_ends_at_its_stop_or_target(price: str, stage: str) -> None:
    book = futures_book()
    enter(book, stop_loss=D("49000"), take_profit=D("52000"))
    book.on_tick(tick(price, 2))
    assert book.held["USDT"].is_flat
    assert book.fills[-1].order.stage == stage


def test_a_short_is_stopped_by_a_rise() -> None:
    book = futures_book()
    enter(book, side="sell", stop_loss=D("51000"))
    book.on_tick(tick("51001", 2))
    assert book.held["USDT"].is_flat


def test_a_position_is_liquidated_at_its_price_and_costs_no_more_than_its_margin() -> None:
    book = futures_book()
    enter(book)
    book.on_tick(tick("40000", 2))
    assert book.fills[-1].order.stage == "liquidation"
    assert book.cash["USDT"].free >= D("10000") - D("500") - D("10")


def test_an_exit_closes_the_position_and_nothing_beyond_it() -> None:
    book = futures_book()
    enter(book)
    closed = book.close_position(order("x", margin_currency="USDT"), tick("50500", 2))
    assert (closed.side, closed.quantity, closed.state) == ("sell", D("0.1"), "filled")
    assert book.held["USDT"].is_flat


def test_an_exit_of_nothing_is_refused() -> None:
    book = futures_book()
    assert refused(lambda: book.close_position(order("x"), None)) == "no_position"


def test_a_stop_that_fills_while_an_exit_runs_does_not_turn_the_position() -> None:
    book = futures_book(replace(EXACT, participation=D("0.5")))
    enter(book, quantity=D("0.1"), stop_loss=D("49000"))
    book.close_position(order("x", margin_currency="USDT"), tick("49500", 2, "0.1"))
    book.on_tick(tick("48000", 3, "0.2"))
    assert book.held["USDT"].is_flat
    book.on_tick(tick("47000", 4, "1"))
    assert book.held["USDT"].is_flat


def total(book: Book, currency: str) -> Decimal:
    cash = book.cash.get(currency, Cash())
    return cash.free + cash.locked


steps = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "stop", "cancel", "tick"]),
        st.integers(40_000, 60_000),
        st.integers(1, 40),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(steps)
def test_spot_money_is_conserved_and_never_negative(history: list[tuple[str, int, int]]) -> None:
    book = spot_book(btc="0.05")
    for at, (what, price, size) in enumerate(history):
        last = tick(str(price), at, str(size / 100))
        fields: dict[str, Any] = {"quantity": Decimal(size) / 100, "price": Decimal(price)}
        if what == "stop":
            trigger = Decimal(price - 500)
            fields = {**fields, "side": "sell", "kind": "stop_market", "price": None}
            fields["trigger_price"] = trigger
        elif what in ("buy", "sell"):
            fields["side"] = what
        try:
            if what == "tick":
                book.on_tick(last)
            elif what == "cancel":
                book.cancel(f"o{size}")
            else:
                book.place(order(f"o{at}", **fields), last)
        except (OrderRefused, KeyError):
            pass

    signs = [(1 if f.order.side == "buy" else -1, f) for f in book.fills]
    base = D("0.05") + sum((s * f.quantity for s, f in signs), ZERO)
    quote = D("10000") - sum((s * f.quantity * f.price + f.fee for s, f in signs), ZERO)
    assert total(book, "BTC") == base
    assert total(book, "USDT") == quote
    for cash in book.cash.values():
        assert cash.free >= 0
        assert cash.locked >= 0
    live = [o for o in book.orders.values() if o.is_live]
    for currency in ("BTC", "USDT"):
        bound = sum((o.locked for o in live if o.lock_currency == currency), ZERO)
        assert book.cash[currency].locked == bound


@settings(deadline=None)
@given(steps)
def test_a_flat_futures_book_has_gained_what_its_fills_say(
    history: list[tuple[str, int, int]],
) -> None:
    book = futures_book(usdt="1000000")
    for at, (what, price, size) in enumerate(history):
        last = tick(str(price), at, str(size))
        fields: dict[str, Any] = {"margin_currency": "USDT", "leverage": D("2")}
        try:
            if what in ("buy", "sell"):
                fields |= {"side": what, "quantity": Decimal(size) / 1000, "price": Decimal(price)}
                book.place(order(f"o{at}", **fields), last)
            elif what == "cancel":
                book.close_position(order(f"x{at}", **fields), last)
            else:
                book.on_tick(last)
        except OrderRefused:
            pass
    for o in [o for o in book.orders.values() if o.is_live]:
        book.cancel(o.id)
    end = tick("50000", 10_000, "1000")
    if any(not held.is_flat for held in book.held.values()):
        book.close_position(order("end", margin_currency="USDT"), end)

    cash = book.cash["USDT"]
    assert cash.locked == 0
    signed = sum((f.quantity * (1 if f.order.side == "buy" else -1) for f in book.fills), ZERO)
    assert signed == 0
    gained = sum(
        (-f.quantity * f.price * (1 if f.order.side == "buy" else -1) - f.fee for f in book.fills),
        ZERO,
    )
    liquidated = any(f.order.stage == "liquidation" for f in book.fills)
    # Amounts are rounded to a unit, in the exchange's favour; a lost margin is all that is lost.
    assert liquidated or abs(cash.free - D("1000000") - gained) < D("0.000001")
