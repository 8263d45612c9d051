"""What a trader may ask for; each refusal names its field."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.subscriptions.errors import BadTerms, WrongState
from control_plane.subscriptions.models import CHANGES, State, Terms, agreed, changed
from tests.factories import D, future, spot

TERMS = Terms(capital=D("1000"), capital_currency="USDT", risk=D("0.01"))
SPOT, FUTURE = spot(), future()


def test_plain_terms_stand_as_they_are() -> None:
    assert agreed(TERMS, SPOT, "paper") == TERMS


def test_a_future_takes_the_margin_book_of_the_capital_unless_told() -> None:
    rupees = replace(TERMS, capital_currency="INR", capital=D("100000"))

    assert agreed(TERMS, FUTURE, "paper").margin_currency == "USDT"
    assert agreed(rupees, FUTURE, "paper").margin_currency == "INR"
    assert (
        agreed(replace(rupees, margin_currency="USDT"), FUTURE, "paper").margin_currency == "USDT"
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("capital", D("0")),
        ("capital", D("-1")),
        ("capital", D("NaN")),
        ("capital", D("Infinity")),
        ("capital", D("1e13")),
        ("capital", D("1e999999")),
        ("capital", D("1e-999999")),
        ("capital", D("1." + "1" * 40)),
        ("capital", D("4.99")),
        ("capital_currency", "DOGE"),
        ("risk", D("0")),
        ("risk", D("0.51")),
        ("risk", D("sNaN")),
        ("leverage", D("0.5")),
        ("leverage", D("2")),
        ("leverage", D("NaN")),
        ("sizing", "all_in"),
        ("margin_currency", "USDT"),
        ("max_positions", 0),
        ("max_positions", 101),
        ("max_daily_loss", D("0")),
        ("max_daily_loss", D("1.1")),
        ("max_notional", D("0")),
        ("max_notional", D("4")),
        ("slippage", D("-0.001")),
        ("slippage", D("0.06")),
        ("max_age_seconds", 0),
        ("max_age_seconds", 3_601),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(BadTerms) as refused:
        agreed(replace(TERMS, **{field: value}), SPOT, "paper")  # type: ignore[arg-type]

    assert refused.value.field == field


def test_a_future_takes_leverage_up_to_its_most() -> None:
    assert agreed(replace(TERMS, leverage=D("20")), FUTURE, "paper").leverage == 20
    with pytest.raises(BadTerms, match="1 to 20, not 21"):
        agreed(replace(TERMS, leverage=D("21")), FUTURE, "paper")


def test_a_capital_that_could_never_trade_names_the_one_that_would_do() -> None:
    with pytest.raises(BadTerms, match="at least 60 USDT") as refused:
        agreed(replace(TERMS, capital=D("10"), leverage=D("3")), FUTURE, "paper")

    assert refused.value.remedy is not None
    assert "20.00000000 USDT" in refused.value.remedy


def test_without_stop_orders_a_live_subscription_needs_consent() -> None:
    bare = spot(order_types=("limit", "market"))

    with pytest.raises(BadTerms, match="only while Slipway runs"):
        agreed(TERMS, bare, "coindcx")
    assert agreed(replace(TERMS, software_stop=True), bare, "coindcx").software_stop
    assert agreed(TERMS, bare, "paper") == TERMS


@given(
    capital=st.decimals(allow_nan=True, allow_infinity=True),
    risk=st.decimals(allow_nan=True, allow_infinity=True),
    leverage=st.decimals(allow_nan=True, allow_infinity=True),
)
def test_no_number_passes_that_could_not_be_sized(
    capital: Decimal, risk: Decimal, leverage: Decimal
) -> None:
    asked = replace(TERMS, capital=capital, risk=risk, leverage=leverage)
    try:
        terms = agreed(asked, FUTURE, "paper")
    except BadTerms:
        return

    assert terms.capital > 0
    assert 0 < terms.risk <= D("0.5")
    assert 1 <= terms.leverage <= 20
    assert terms.capital * terms.leverage >= FUTURE.min_notional


@pytest.mark.parametrize("old", list(CHANGES))
@pytest.mark.parametrize("new", list(CHANGES))
def test_only_the_changes_of_the_table_are_taken(old: State, new: State) -> None:
    if new in CHANGES[old]:
        assert changed(old, new) == new
        return

    with pytest.raises(WrongState):
        changed(old, new)
