"""The venue's rulebook, read as instruments."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.brokers.coindcx import parse_public
from control_plane.brokers.coindcx.catalogue import (
    Catalogue,
    common_step,
    futures_instrument,
    spot_instrument,
    strictest,
)
from control_plane.brokers.coindcx.venue import VenueSettings
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.legality import Draft, check
from tests.factories import D, future
from tests.unit.brokers.coindcx.payloads import document

MARKETS, _ = parse_public.markets(document("markets_details"))
CATALOGUE = Catalogue.of(MARKETS)
SETTINGS = VenueSettings()
STEPS = st.decimals("0.00000001", "1000", places=8).filter(lambda each: each > 0)


def rules(name: str, settings: VenueSettings = SETTINGS) -> Instrument:
    return spot_instrument(CATALOGUE.markets[name], settings)


def test_a_market_is_an_instrument_by_its_pair() -> None:
    btc = rules("BTCINR")
    assert (btc.id, btc.base, btc.quote) == ("spot:I-BTC_INR", "BTC", "INR")
    assert (btc.tick_size, btc.quantity_step) == (D("0.1"), D("0.00001"))
    assert btc.taker_fee == D("0.0059")
    assert CATALOGUE.pair_of("BTCINR", "") == ("I-BTC_INR", "INR")


def test_a_minimum_below_the_grid_is_the_grid() -> None:
    doge = rules("DOGEINR")
    assert (doge.quantity_step, doge.min_quantity) == (D("1"), D("1"))
    assert rules("ETHINR").min_quantity == D("0.0001")


def test_a_market_takes_what_it_lists_and_stops_only_where_proved() -> None:
    assert rules("ETHINR").order_types == ("limit",)
    assert set(rules("BTCUSDT").order_types) == {"limit", "market"}
    proved = rules("BTCUSDT", VenueSettings(spot_stop_orders=True))
    assert "stop_limit" in proved.order_types


def test_the_least_value_is_aimed_above_for_equality_has_been_refused() -> None:
    assert rules("BTCINR").min_notional == D("100.1")


def test_a_futures_instrument_keeps_its_books_tiers() -> None:
    found = futures_instrument(parse_public.instrument(document("futures_instrument")))
    assert (found.id, found.tick_size, found.quantity_step) == (
        "fut:B-BTC_USDT", D("0.1"), D("0.001"),
    )  # fmt: skip
    assert (found.max_quantity, found.max_market_quantity) == (D("950"), D("120"))
    assert (found.band_up, found.max_price) == (D("0.04"), D("800000"))
    assert found.tier_leverage(D("60000")) == 20
    assert found.tier_leverage(D("20000000")) == 0
    assert found.maintenance_rate == D("0.05")
    assert found.taker_fee == D("0.00059")
    assert not found.exit_only


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [("0.1", "0.01", "0.1"), ("0.5", "1", "1"), ("0.0003", "0.0002", "0.0006"), ("25", "10", "50")],
)
def test_a_step_and_a_precision_hold_together(one: str, other: str, both: str) -> None:
    assert common_step(D(one), D(other)) == D(both)


@given(STEPS, st.integers(0, 8), st.integers(1, 10_000))
def test_a_multiple_of_the_common_step_is_a_multiple_of_each(
    step: Decimal, decimals: int, times: int
) -> None:
    grid = Decimal(1).scaleb(-decimals)
    quantity = common_step(step, grid) * times
    assert quantity % step == 0
    assert quantity % grid == 0


AMOUNTS = st.decimals("0.001", "1000", places=3)
BOOK_RULES = st.builds(
    lambda least, worth, most, leverage, tick, up: future(
        min_quantity=least,
        min_notional=worth,
        max_quantity=most + 1000,
        max_market_quantity=most,
        max_leverage=Decimal(leverage),
        leverage_tiers=((Decimal(leverage), worth * 1000),),
        tick_size=tick,
        min_price=D("1"),
        max_price=D("1000000") + most,
        band_up=up / 1000,
        band_down=up / 1000,
    ),
    AMOUNTS,
    AMOUNTS,
    AMOUNTS,
    st.integers(1, 50),
    st.sampled_from([D("0.1"), D("0.2"), D("0.5")]),
    AMOUNTS,
)
DRAFTS = st.builds(
    Draft,
    kind=st.sampled_from(["limit", "market"]),
    side=st.sampled_from(["buy", "sell"]),
    quantity=AMOUNTS,
    price=st.decimals("1", "2000", places=1),
    leverage=st.integers(1, 50).map(Decimal),
    reference=st.decimals("1", "2000", places=1),
)


@given(BOOK_RULES, BOOK_RULES, DRAFTS)
def test_what_the_strictest_rules_allow_every_book_allows(
    usdt: Instrument, inr: Instrument, order: Draft
) -> None:
    if check(order, strictest([usdt, inr])) is None:
        assert check(order, usdt) is None
        assert check(order, inr) is None


@given(BOOK_RULES, BOOK_RULES, AMOUNTS)
def test_the_strictest_leverage_is_allowed_by_every_book(
    usdt: Instrument, inr: Instrument, value: Decimal
) -> None:
    merged = strictest([usdt, inr]).tier_leverage(value)
    assert merged <= min(usdt.tier_leverage(value), inr.tier_leverage(value))


def test_one_books_rules_are_the_strictest_of_one() -> None:
    assert strictest([future()]) == future()
