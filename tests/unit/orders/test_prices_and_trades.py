"""Prices that orders carry, rates between currencies, and what a trade came to."""

from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.orders.models.prices import Quote, marketable, on_tick, rate
from control_plane.orders.models.trades import Fee, Side, Tally, closing, fee_of, is_reached
from strategy_runtime.rules.money import ZERO
from tests.factories import D, future, spot


def test_a_rate_comes_from_its_own_pair_its_inverse_or_a_common_base() -> None:
    usdt = (spot(id="spot:I-USDT_INR", base="USDT", quote="INR"), Quote(D("80"), 900))
    inr_book = (spot(id="spot:I-BTC_INR", quote="INR"), Quote(D("4000000"), 100))
    usdt_book = (spot(), Quote(D("50000"), 200))
    assert rate("USDT", "INR", [usdt]) is not None
    inverse = rate("INR", "USDT", [usdt])
    assert inverse is not None
    assert (inverse.value, inverse.age_ms) == (D("0.0125"), 900)
    crossed = rate("INR", "USDT", [inr_book, usdt_book])
    assert crossed is not None
    assert (crossed.value, crossed.age_ms) == (D("0.0125"), 200)
    fresher = rate("INR", "USDT", [usdt, inr_book, usdt_book])
    assert fresher == crossed
    assert rate("EUR", "USDT", [usdt, inr_book, usdt_book]) is None


def test_a_future_is_no_rate() -> None:
    perpetual = (future(base="USDT", quote="INR"), Quote(D("80"), 0))
    assert rate("USDT", "INR", [perpetual]) is None


@pytest.mark.parametrize(
    ("side", "what", "level", "expected"),
    [
        ("LONG", "stop", "49000.001", "49000.01"),
        ("LONG", "target", "53000.009", "53000.00"),
        ("SHORT", "stop", "51000.009", "51000.00"),
        ("SHORT", "target", "47000.001", "47000.01"),
    ],
)
def test_stops_and_targets_are_rounded_toward_the_entry(
    side: str, what: Literal["stop", "target"], level: str, expected: str
) -> None:
    assert on_tick(side, what, D(level), spot()) == D(expected)


def test_a_marketable_price_never_passes_the_slippage() -> None:
    assert marketable("buy", D("100.01"), D("0.003"), spot()) == D("100.31")
    assert marketable("sell", D("100.01"), D("0.003"), spot()) == D("99.71")


amounts = st.decimals(D("0.00001"), D("5"), places=5)
quotes = st.decimals(D("1"), D("90000"), places=2)
fills = st.lists(st.tuples(amounts, quotes, amounts), min_size=1, max_size=8)


@given(st.sampled_from(["LONG", "SHORT"]), fills, fills)
def test_the_parts_of_a_profit_add_up_to_the_whole(
    side: Side, entries: list[tuple[Decimal, ...]], exits: list[tuple[Decimal, ...]]
) -> None:
    tally = Tally(side)
    for quantity, price, fee in entries:
        tally = tally.with_entry(quantity, price, Fee(quote=fee))
    entered, booked = tally.entered, ZERO
    for quantity, price, fee in exits:
        part = min(quantity, tally.held)
        if part == 0:
            break
        after = tally.with_exit(part, price, Fee(quote=fee))
        booked += after.gross - tally.gross
        tally = after
    if tally.held > 0:
        after = tally.with_exit(tally.held, D("100"), Fee())
        booked += after.gross - tally.gross
        tally = after
    assert tally.exited == entered
    gained = tally.exit_value - tally.entry_value
    assert tally.gross == booked == (gained if side == "LONG" else -gained)
    assert tally.realised == booked - tally.fees


def test_a_fee_taken_in_the_base_is_held_no_more() -> None:
    fee = fee_of(D("0.001"), "BTC", spot())
    assert Tally("LONG").with_entry(D("1"), D("50000"), fee).held == D("0.999")


def test_a_futures_fee_is_never_taken_from_the_position() -> None:
    assert fee_of(D("0.001"), "BTC", future()) == Fee(quote=D("0.001"))


def test_a_spot_exit_sells_what_is_ours_and_free_on_the_step() -> None:
    found = closing(D("0.123456"), D("0.2"), D("50000"), spot())
    assert (found.quantity, found.dust) == (D("0.12345"), D("0.000006"))
    assert closing(D("0.5"), D("0.3"), D("50000"), spot()).quantity == D("0.3")


def test_what_is_too_little_to_sell_is_dust() -> None:
    found = closing(D("0.00009"), D("1"), D("50000"), spot())
    assert (found.quantity, found.dust) == (ZERO, D("0.00009"))


@pytest.mark.parametrize(
    ("side", "what", "price", "expected"),
    [
        ("LONG", "stop", "99", True),
        ("LONG", "stop", "101", False),
        ("LONG", "target", "101", True),
        ("SHORT", "stop", "101", True),
        ("SHORT", "target", "99", True),
        ("SHORT", "target", "101", False),
    ],
)
def test_a_level_is_reached_from_its_own_side(
    side: str, what: str, price: str, expected: bool
) -> None:
    assert is_reached(side, D("100"), D(price), what) is expected
