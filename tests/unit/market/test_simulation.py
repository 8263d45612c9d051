from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.market.models import simulation
from control_plane.market.models.aggregation import Minutes
from control_plane.market.models.catalogue import BY_ID, LISTINGS, Listing
from control_plane.market.models.trades import MINUTE_MS, Closed
from strategy_runtime.rules.money import floor_to
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import DURATION_MS, RESOLUTIONS

NOW = 1_790_000_040_000
BTC = BY_ID["spot:B-BTC_USDT"]
listings = pytest.mark.parametrize("listing", LISTINGS, ids=lambda one: one.instrument.id)


def minutes(listing: Listing, count: int, seed: int = 7) -> list[Candle]:
    made, close = [], float(listing.price)
    for i in range(count):
        made.append(simulation.candle(listing, seed, NOW + i * MINUTE_MS, close))
        close = made[-1].close
    return made


def test_a_minute_is_the_same_however_often_it_is_made() -> None:
    assert simulation.trades(BTC, 7, NOW, 80_000.0) == simulation.trades(BTC, 7, NOW, 80_000.0)


def test_another_seed_makes_another_market() -> None:
    assert minutes(BTC, 5, seed=7) != minutes(BTC, 5, seed=8)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(LISTINGS),
    st.integers(0, 2**63),
    st.integers(0, 10**6),
    st.floats(0.2, 5),
)
def test_a_candle_is_what_its_trades_add_up_to(
    listing: Listing, seed: int, index: int, factor: float
) -> None:
    tick = listing.instrument.tick_size
    opens, close = index * MINUTE_MS, float(floor_to(listing.price * int(factor * 8) / 8, tick))
    close = close or float(tick)
    aggregated = Minutes(opens, close)
    for trade in simulation.trades(listing, seed, opens, close):
        aggregated.add(trade)

    assert aggregated.advance(opens + MINUTE_MS) == [simulation.candle(listing, seed, opens, close)]


@listings
def test_trades_stand_on_the_steps_of_their_market_and_inside_their_minute(
    listing: Listing,
) -> None:
    rules, close = listing.instrument, float(listing.price)
    for opens in range(NOW, NOW + 20 * MINUTE_MS, MINUTE_MS):
        made = simulation.trades(listing, 7, opens, close)
        assert all(opens <= one.at_ms < opens + MINUTE_MS for one in made)
        assert all(floor_to(one.price, rules.tick_size) == one.price > 0 for one in made)
        assert all(floor_to(one.quantity, rules.quantity_step) == one.quantity for one in made)
        assert all(a.at_ms <= b.at_ms and a.id < b.id for a, b in pairwise(made))


@listings
def test_a_fast_and_a_slow_average_cross_several_times_an_hour(listing: Listing) -> None:
    closes = [candle.close for candle in minutes(listing, 24 * 60)]

    assert crossings(closes, 5, 20) >= 24 * 3


def crossings(closes: Sequence[float], fast: int, slow: int) -> int:
    above = [
        sum(closes[i - fast : i]) / fast > sum(closes[i - slow : i]) / slow
        for i in range(slow, len(closes))
    ]
    return sum(a != b for a, b in pairwise(above))


@listings
def test_a_price_stays_plausible_for_weeks(listing: Listing) -> None:
    closes = [candle.close for candle in minutes(listing, 21 * 24 * 60)]

    assert float(listing.price) * 0.4 < min(closes) < max(closes) < float(listing.price) * 2.5


def test_markets_of_one_coin_follow_one_story() -> None:
    spot, futures = minutes(BTC, 600), minutes(BY_ID["fut:B-BTC_USDT"], 600)

    assert all(abs(a.close / b.close - 1) < 0.001 for a, b in zip(spot, futures, strict=True))


def test_there_are_trends_ranges_and_shocks() -> None:
    seen = [simulation.regime(7, "BTC", block) for block in range(200)]

    assert {one.drift != 0 for one in seen} == {True, False}
    assert sum(one.shock != 0 for one in seen) > 10


@listings
def test_the_past_of_a_new_market_has_every_resolution_and_no_gap(listing: Listing) -> None:
    past = list(simulation.past(listing, 7, NOW))

    for resolution in RESOLUTIONS:
        candles = [one.candle for one in past if one.resolution == resolution]
        assert len(candles) >= 200
        assert {b.seq - a.seq for a, b in pairwise(candles)} == {1}
        assert candles[-1].open_ms + 2 * DURATION_MS[resolution] > NOW
    assert _newest(past) == NOW - MINUTE_MS


def _newest(past: Sequence[Closed]) -> int:
    return max(one.candle.open_ms for one in past if one.resolution == "1m")
