"""One order, one broken rule, one reason."""

from dataclasses import replace

import pytest

from strategy_runtime.rules.legality import Draft, check
from tests.factories import D, future, spot

LEGAL = Draft(kind="limit", side="buy", quantity=D("0.001"), price=D("50000"))


def test_a_legal_order_passes() -> None:
    assert check(LEGAL, spot()) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity": D("0.000001")}, "min_quantity"),
        ({"quantity": D("0.001001")}, "quantity_step"),
        ({"quantity": D("0.00009")}, "min_notional"),
        ({"price": D("50000.001")}, "tick_size"),
        ({"price": None}, "other"),
        ({"kind": "iceberg"}, "order_type"),
        ({"kind": "stop_market"}, "other"),
        ({"leverage": D("2")}, "leverage"),
    ],
)
def test_each_broken_rule_has_its_reason(change: dict[str, object], reason: str) -> None:
    illegal = check(replace(LEGAL, **change), spot())  # type: ignore[arg-type] # named above
    assert illegal is not None
    assert illegal.reason == reason


def test_an_inactive_instrument_takes_nothing() -> None:
    illegal = check(LEGAL, spot(active=False))
    assert illegal is not None
    assert illegal.reason == "inactive"


def test_exit_only_takes_a_spot_sale_and_no_purchase() -> None:
    closing = spot(exit_only=True)
    assert check(replace(LEGAL, side="sell"), closing) is None
    assert check(LEGAL, closing) is not None


def test_a_quantity_above_the_maximum_is_refused() -> None:
    illegal = check(replace(LEGAL, quantity=D("3")), spot(max_quantity=D("2")))
    assert illegal is not None
    assert illegal.reason == "max_quantity"


def test_a_positions_own_exit_may_be_of_any_value() -> None:
    tiny = Draft(kind="market", side="sell", quantity=D("0.001"), reference=D("10"), closes=True)
    assert check(tiny, future()) is None


STOP = Draft(
    kind="stop_limit",
    side="sell",
    quantity=D("0.002"),
    price=D("48900"),
    trigger_price=D("49000"),
    reference=D("50000"),
)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"price": D("39999")}, "price_band"),
        ({"price": D("60001")}, "price_band"),
        ({"price": D("52001"), "reference": D("50000")}, "price_band"),
        ({"side": "sell", "price": D("47999"), "reference": D("50000")}, "price_band"),
        ({"side": "sell", "price": D("52001"), "reference": D("50000")}, None),
        (
            {"kind": "market", "price": None, "quantity": D("0.6"), "reference": D("50000")},
            "max_quantity",
        ),
        ({"quantity": D("0.6")}, None),
    ],
)
def test_prices_have_a_band_and_the_market_a_maximum_of_its_own(
    change: dict[str, object], reason: str | None
) -> None:
    rules = future(
        min_price=D("40000"),
        max_price=D("60000"),
        band_up=D("0.04"),
        band_down=D("0.04"),
        max_quantity=D("1"),
        max_market_quantity=D("0.5"),
    )
    draft = replace(LEGAL, quantity=D("0.002"))
    illegal = check(replace(draft, **change), rules)  # type: ignore[arg-type] # named above
    assert (illegal.reason if illegal else None) == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"trigger_price": D("50000")}, "trigger_passed"),
        ({"trigger_price": D("51000")}, "trigger_passed"),
        ({"price": D("49000")}, "other"),
        ({"side": "buy", "trigger_price": D("51000"), "price": D("51100")}, None),
        ({"side": "buy", "trigger_price": D("49000")}, "trigger_passed"),
        ({"kind": "take_profit", "price": None}, "trigger_passed"),
        ({"kind": "take_profit", "price": None, "trigger_price": D("51000")}, None),
        ({"reference": None, "trigger_price": D("51000"), "price": D("50900")}, None),
    ],
)
def test_a_trigger_waits_beyond_the_last_price_and_its_limit_beyond_it(
    change: dict[str, object], reason: str | None
) -> None:
    illegal = check(replace(STOP, **change), future())  # type: ignore[arg-type] # named above
    assert (illegal.reason if illegal else None) == reason
