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
