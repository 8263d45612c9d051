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
)
from control_plane.brokers.coindcx.venue import VenueSettings
from strategy_runtime.rules.instruments import Instrument
from tests.factories import D
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
