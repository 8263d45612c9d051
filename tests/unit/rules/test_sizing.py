"""What a size may never do, for any prices, capital and rules that a trader could meet."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY, floor_to
from strategy_runtime.rules.sizing import (
    Ask,
    Side,
    Sized,
    Skip,
    explain,
    furthest_stop,
    liquidation_price,
    recompute,
    size,
)
from tests.factories import D, future, spot

# Much of what is drawn is rightly skipped: too small, or beyond liquidation.
drawn = settings(suppress_health_check=[HealthCheck.filter_too_much], deadline=None)
TIERS = ((D("20"), D("20000")), (D("10"), D("100000")), (D("5"), D("1000000")))


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(D(low), D(high), places=places, allow_nan=False, allow_infinity=False)


def rules() -> st.SearchStrategy[Instrument]:
    steps = st.sampled_from([D("1"), D("0.1"), D("0.001"), D("0.00001")])
    spots = st.builds(
        lambda step, notional: spot(quantity_step=step, min_quantity=step, min_notional=notional),
        steps,
        decimals("0", "120", 0),
    )
    futures = st.builds(
        lambda step, tiers: future(quantity_step=step, min_quantity=step, leverage_tiers=tiers),
        steps,
        st.sampled_from([(), TIERS]),
    )
    return st.one_of(spots, futures)


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    instrument = draw(rules())
    entry = draw(decimals("0.5", "90000", 2))
    side: Side = draw(st.sampled_from(["LONG", "LONG", "SHORT"]))
    distance = MONEY.multiply(entry, draw(decimals("0.001", "0.1", 4)))
    stop = entry - distance if side == "LONG" else entry + distance
    return Ask(
        instrument=instrument,
        side=side,
        entry=entry,
        stop=draw(st.sampled_from([stop, stop, stop, None])),
        capital=draw(decimals("100", "10000000", 2)),
        rate=draw(st.sampled_from([D("1"), D("0.0118"), D("84.31")])),
        risk=draw(decimals("0.001", "0.1", 3)),
        leverage=draw(decimals("1", "25", 0)),
        free=draw(st.sampled_from([D("1000000"), D("250.75"), D("0")])),
        mode=draw(st.sampled_from(["fixed_risk", "leveraged_risk"])),
        leverage_ceiling=draw(st.one_of(st.none(), decimals("1", "20", 0))),
        max_notional=draw(st.one_of(st.none(), decimals("10", "1000000", 0))),
    )


@drawn
@given(asks())
def test_the_stop_never_costs_more_than_the_risk(ask: Ask) -> None:
    outcome = size(ask)
    assume(isinstance(outcome, Sized) and ask.stop is not None)
    assert isinstance(outcome, Sized)
    assert ask.stop is not None
    fees = (ask.entry + ask.stop) * ask.instrument.taker_fee
    loss = MONEY.multiply(outcome.quantity, abs(ask.entry - ask.stop) + fees)
    share = ask.risk if ask.mode == "fixed_risk" else ask.risk * ask.leverage
    assert loss <= MONEY.multiply(MONEY.multiply(ask.capital, ask.rate), share)


@drawn
@given(asks())
def test_no_size_passes_a_cap(ask: Ask) -> None:
    outcome = size(ask)
    assume(isinstance(outcome, Sized))
    assert isinstance(outcome, Sized)
    value = MONEY.multiply(outcome.quantity, ask.entry)
    assert value <= MONEY.multiply(MONEY.multiply(ask.capital, ask.rate), outcome.leverage)
    assert ask.max_notional is None or value <= ask.max_notional
    assert outcome.leverage <= max(ask.leverage, D("1"))
    if ask.instrument.is_futures:
        assert outcome.leverage <= ask.instrument.tier_leverage(value)
        cost = MONEY.divide(value, outcome.leverage) + 2 * value * ask.instrument.taker_fee
    else:
        cost = value + value * ask.instrument.taker_fee
    assert cost <= ask.free + D("0.000000001")


@drawn
@given(asks())
def test_a_size_is_a_legal_quantity(ask: Ask) -> None:
    outcome = size(ask)
    assume(isinstance(outcome, Sized))
    assert isinstance(outcome, Sized)
    rules = ask.instrument
    assert floor_to(outcome.quantity, rules.quantity_step) == outcome.quantity
    assert outcome.quantity >= rules.min_quantity
    assert MONEY.multiply(outcome.quantity, ask.entry) >= rules.min_notional


@drawn
@given(asks(), decimals("1", "50", 1))
def test_more_capital_never_gives_less(ask: Ask, times: Decimal) -> None:
    less, more = size(ask), size(replace(ask, capital=ask.capital * times))
    assume(isinstance(less, Sized))
    assert isinstance(less, Sized)
    # A larger position's tier may lower the leverage, which moves liquidation further away.
    assert isinstance(more, Sized)
    assert more.quantity >= less.quantity


@drawn
@given(asks())
def test_the_record_recomputes_the_quantity(ask: Ask) -> None:
    outcome = size(ask)
    expected = outcome.quantity if isinstance(outcome, Sized) else D("0")
    record = explain(ask, outcome)
    assert recompute(record) == expected
    assert all(isinstance(value, str) for value in record.values())


@drawn
@given(asks())
def test_what_was_too_small_trades_with_the_capital_that_it_names(ask: Ask) -> None:
    outcome = size(ask)
    assume(isinstance(outcome, Skip) and outcome.reason == "too_small")
    assert isinstance(outcome, Skip)
    assert outcome.capital_needed is not None
    enough = replace(ask, capital=outcome.capital_needed, free=D("1e15"), max_notional=None)
    again = size(enough)
    tiers = ask.instrument.leverage_tiers
    assert isinstance(again, Sized) or again.reason != "too_small" or tiers


@drawn
@given(asks())
def test_a_futures_stop_stands_before_liquidation(ask: Ask) -> None:
    outcome = size(ask)
    assume(isinstance(outcome, Sized) and ask.instrument.is_futures and ask.stop is not None)
    assert isinstance(outcome, Sized)
    assert ask.stop is not None
    liquidation = liquidation_price(ask.instrument, ask.side, ask.entry, outcome.leverage)
    assert abs(ask.entry - ask.stop) <= MONEY.multiply(abs(ask.entry - liquidation), D("0.8"))


def basic(**changes: object) -> Ask:
    ask = Ask(
        instrument=spot(),
        side="LONG",
        entry=D("50000"),
        stop=D("49000"),
        capital=D("10000"),
        rate=D("1"),
        risk=D("0.01"),
        leverage=D("1"),
        free=D("10000"),
    )
    return replace(ask, **changes)


def test_fixed_risk_loses_one_percent_at_the_stop() -> None:
    # 100 ÷ (1000 + 50000 × 0.002 + 49000 × 0.002) = 0.0834…
    assert size(basic()) == Sized(D("0.08347"), D("1"), "risk")


def test_leveraged_risk_is_leverage_times_more() -> None:
    ask = basic(instrument=future(), mode="leveraged_risk", leverage=D("3"), free=D("100000"))
    outcome = size(ask)
    plain = size(replace(ask, mode="fixed_risk"))
    assert isinstance(outcome, Sized)
    assert isinstance(plain, Sized)
    assert plain.quantity * 3 <= outcome.quantity < (plain.quantity + D("0.001")) * 3


def test_leveraged_risk_without_a_stop_takes_a_share_of_the_capital() -> None:
    ask = basic(mode="leveraged_risk", stop=None, risk=D("0.1"))
    assert size(ask) == Sized(D("0.02"), D("1"), "risk")


def test_spot_knows_no_short() -> None:
    assert size(basic(side="SHORT", stop=D("51000"))) == Skip("no_short")


def test_fixed_risk_needs_a_stop() -> None:
    assert size(basic(stop=None)) == Skip("no_stop")


def test_a_stop_above_a_long_is_refused() -> None:
    assert size(basic(stop=D("50001"))) == Skip("stop_on_wrong_side")


def test_too_small_names_the_capital_that_would_do() -> None:
    outcome = size(basic(capital=D("3"), risk=D("0.01")))
    assert isinstance(outcome, Skip)
    assert outcome.reason == "too_small"
    assert outcome.capital_needed == D("11.98")


def test_a_stop_beyond_the_way_to_liquidation_is_refused() -> None:
    ask = basic(instrument=future(), leverage=D("20"), stop=D("48000"), free=D("1000000"))
    assert size(ask) == Skip("stop_beyond_liquidation")


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_the_furthest_stop_is_accepted(side: Side) -> None:
    rules = future()
    stop = furthest_stop(rules, side, D("50000"), D("10"))
    ask = basic(instrument=rules, side=side, stop=stop, leverage=D("10"), free=D("100000"))
    assert isinstance(size(ask), Sized)
