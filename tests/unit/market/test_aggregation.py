from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.market.models.aggregation import BUILT_FROM, Minutes, Rollup
from control_plane.market.models.trades import MINUTE_MS, Trade
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import DURATION_MS, RESOLUTIONS, Resolution, open_of

MONDAY = 1_767_571_200_000  # 5 January 2026, 00:00 UTC: every resolution opens here
STEP = Decimal("0.001")


def trade(number: int, at_ms: int, ticks: int = 100, steps: int = 1) -> Trade:
    return Trade("spot:T", number, MONDAY + at_ms, Decimal(ticks) / 100, STEP * steps)


def closed(trades: list[Trade], *, minutes: int = 1, close: float | None = None) -> list[Candle]:
    made = Minutes(MONDAY, close)
    for one in trades:
        made.add(one)
    return made.advance(MONDAY + minutes * MINUTE_MS)


def test_a_minute_has_the_first_highest_lowest_and_last_price_and_all_volume() -> None:
    trades = [trade(1, 0, 100, 2), trade(2, 10, 130), trade(3, 20, 90), trade(4, 59_999, 110)]

    (candle,) = closed(trades)

    assert candle == Candle(MONDAY, 1.0, 1.3, 0.9, 1.1, 0.005, MONDAY // MINUTE_MS)


def test_a_trade_on_the_boundary_belongs_to_the_next_minute() -> None:
    first, second = closed([trade(1, 0, 100), trade(2, 60_000, 200)], minutes=2)

    assert (first.close, second.open) == (1.0, 2.0)


def test_a_minute_closes_at_its_boundary_and_not_before() -> None:
    minutes = Minutes(MONDAY, 1.0)

    assert minutes.advance(MONDAY + MINUTE_MS - 1) == []
    assert len(minutes.advance(MONDAY + MINUTE_MS)) == 1


def test_a_feed_with_lateness_closes_its_minutes_that_much_later() -> None:
    minutes = Minutes(MONDAY, 1.0, lateness_ms=500)

    assert minutes.advance(MONDAY + MINUTE_MS + 499) == []
    minutes.add(trade(1, 59_000, 300))
    assert [c.close for c in minutes.advance(MONDAY + MINUTE_MS + 500)] == [3.0]


def test_a_minute_without_trades_is_flat_at_the_close_before_it() -> None:
    candles = closed([trade(1, 0, 250)], minutes=3)

    assert candles[1] == Candle(MONDAY + MINUTE_MS, 2.5, 2.5, 2.5, 2.5, 0.0, candles[0].seq + 1)
    assert candles[2].open_ms == MONDAY + 2 * MINUTE_MS


def test_before_the_first_price_there_is_no_candle() -> None:
    candles = closed([trade(1, MINUTE_MS + 1, 100)], minutes=2)

    assert [candle.open_ms for candle in candles] == [MONDAY + MINUTE_MS]


def test_a_closed_minute_is_never_repainted() -> None:
    minutes = Minutes(MONDAY, None)
    minutes.add(trade(1, 0, 100))
    (candle,) = minutes.advance(MONDAY + MINUTE_MS)
    minutes.add(trade(2, 1, 900))

    assert minutes.late == 1
    assert [c.high for c in minutes.advance(MONDAY + 2 * MINUTE_MS)] == [candle.close]


def test_a_trade_that_comes_twice_counts_once() -> None:
    minutes = Minutes(MONDAY, None)
    for one in [trade(1, 0, steps=3), trade(2, 5), trade(1, 0, steps=3)]:
        minutes.add(one)

    assert minutes.repeated == 1
    assert minutes.advance(MONDAY + MINUTE_MS)[0].volume == 0.004


def test_a_minute_that_began_before_the_start_is_not_made() -> None:
    minutes = Minutes(MONDAY + 30_000, None)
    minutes.add(trade(1, 40_000))
    minutes.add(trade(2, 60_001, 200))

    candles = minutes.advance(MONDAY + 2 * MINUTE_MS)

    assert [(c.open_ms, c.open) for c in candles] == [(MONDAY + MINUTE_MS, 2.0)]


trades = st.builds(
    trade,
    st.integers(0, 10_000),
    st.integers(0, 12 * MINUTE_MS - 1),
    st.integers(1, 500),
    st.integers(1, 9_999),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(trades, min_size=1, max_size=80, unique_by=lambda one: one.id),
    st.lists(st.integers(0, 79), max_size=30),
    st.randoms(use_true_random=False),
)
def test_any_order_and_any_repeats_give_the_candles_of_the_plain_history(
    history: list[Trade], repeats: list[int], chance: st.DrawFn
) -> None:
    plain = sorted(history, key=lambda one: (one.at_ms, one.id))
    messy = history + [history[i % len(history)] for i in repeats]
    chance.shuffle(messy)  # type: ignore[attr-defined] # Hypothesis hands in a random.Random

    assert closed(messy, minutes=12, close=1.0) == _truth(plain)


@settings(max_examples=200, deadline=None)
@given(st.lists(trades, max_size=60, unique_by=lambda one: one.id), st.integers(0, 5_000))
def test_trades_that_are_late_within_the_bound_change_nothing(
    history: list[Trade], lateness_ms: int
) -> None:
    minutes = Minutes(MONDAY, 1.0, lateness_ms=lateness_ms)
    made: list[Candle] = []
    # Each arrives as late as it may, by an amount that its own number gives.
    arrivals = [(one.at_ms + one.id * 7 % (lateness_ms + 1), one) for one in history]
    for arrives, one in sorted(arrivals, key=lambda pair: pair[0]):
        made += minutes.advance(arrives)
        minutes.add(one)
    made += minutes.advance(MONDAY + 12 * MINUTE_MS + lateness_ms)

    assert minutes.late == 0
    assert made == _truth(sorted(history, key=lambda one: (one.at_ms, one.id)))


@settings(max_examples=100, deadline=None)
@given(st.lists(trades, min_size=1, max_size=120, unique_by=lambda one: one.id))
def test_five_minutes_from_minutes_are_five_minutes_from_trades(history: list[Trade]) -> None:
    plain = sorted(history, key=lambda one: (one.at_ms, one.id))
    rollup = Rollup(STEP)
    longer = [
        one.candle
        for minute in _truth(plain)
        for one in rollup.add("spot:T", minute)
        if one.resolution == "5m"
    ]

    assert longer == _truth(plain, "5m", spans=2)


def _truth(plain: list[Trade], resolution: Resolution = "1m", spans: int = 12) -> list[Candle]:
    """The definition, word for word and slowly: what each interval's trades say, in order."""
    made, close = [], 1.0
    length = DURATION_MS[resolution]
    for opens in range(MONDAY, MONDAY + spans * length, length):
        own = [one for one in plain if opens <= one.at_ms < opens + length]
        prices = [float(one.price) for one in own] or [close]
        volume = float(sum((one.quantity for one in own), Decimal(0)))
        close = prices[-1]
        made.append(
            Candle(opens, prices[0], max(prices), min(prices), close, volume, opens // length)
        )
    return made


def flat(minute: int) -> Candle:
    opens = MONDAY + minute * MINUTE_MS
    return Candle(opens, 1.0, 1.0, 1.0, 1.0, 0.5, opens // MINUTE_MS)


def test_every_resolution_closes_on_its_own_boundaries() -> None:
    rollup, made = Rollup(STEP), {name: list[int]() for name in RESOLUTIONS}
    for minute in range(8 * 24 * 60):
        for one in rollup.add("spot:T", flat(minute)):
            made[one.resolution].append(one.candle.open_ms)

    for resolution, opens in made.items():
        length = DURATION_MS[resolution]
        assert opens == list(range(MONDAY, MONDAY + len(opens) * length, length))
        assert len(opens) == 8 * 24 * 60 * MINUTE_MS // length
        assert all(open_of(resolution, one) == one for one in opens)


def test_a_candle_whose_beginning_was_not_seen_is_not_made() -> None:
    rollup = Rollup(STEP)
    made = [one for m in range(2, 10) for one in rollup.add("spot:T", flat(m))]

    assert [one.candle.open_ms for one in made if one.resolution == "5m"] == [
        MONDAY + 5 * MINUTE_MS
    ]


def test_a_candle_with_a_hole_is_not_made() -> None:
    rollup = Rollup(STEP)
    made = [one for m in (0, 1, 3, 4) for one in rollup.add("spot:T", flat(m))]

    assert {one.resolution for one in made} == {"1m"}


def test_a_candle_goes_on_from_the_parts_that_closed_before_a_restart() -> None:
    rollup = Rollup(STEP)
    rollup.resume("5m", [flat(0), flat(1), flat(2)])
    made = [one for m in (3, 4) for one in rollup.add("spot:T", flat(m))]

    assert [one.candle.volume for one in made if one.resolution == "5m"] == [2.5]


def test_each_resolution_is_made_of_whole_parts() -> None:
    for whole, part in BUILT_FROM.items():
        assert DURATION_MS[whole] % DURATION_MS[part] == 0
