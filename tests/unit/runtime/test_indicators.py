from math import isclose, isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategy_runtime.sdk.errors import DeclarationError
from strategy_runtime.sdk.indicators import (
    Atr,
    Ema,
    Indicator,
    RollingMax,
    RollingMin,
    Rsi,
    Sma,
)
from strategy_runtime.wire.messages import Candle
from tests.candles import candle, walk


def values(indicator: Indicator, candles: list[Candle]) -> list[float]:
    said = []
    for bar in candles:
        indicator.update(bar, bar.seq)
        said.append(indicator.value)
    return said


def closes(*prices: float) -> list[Candle]:
    return [candle(number, price) for number, price in enumerate(prices)]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(1, 12))
def test_an_sma_is_the_mean_of_its_window(prices: list[float], period: int) -> None:
    said = values(Sma(period, "close"), closes(*prices))

    for end, value in enumerate(said, start=1):
        window = prices[max(0, end - period) : end]
        if len(window) < period:
            assert isnan(value)
        else:
            assert isclose(value, sum(window) / period, rel_tol=1e-12, abs_tol=1e-9)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(1, 12))
def test_rolling_extremes_are_those_of_the_window(prices: list[float], period: int) -> None:
    top = values(RollingMax(period, "close"), closes(*prices))
    bottom = values(RollingMin(period, "close"), closes(*prices))

    for end in range(period, len(prices) + 1):
        window = prices[end - period : end]
        assert top[end - 1] == max(window)
        assert bottom[end - 1] == min(window)


@pytest.mark.parametrize("start", [1, 2, 3, 50, 137])
def test_a_window_does_not_depend_on_when_it_began(start: int) -> None:
    candles = walk(300)
    whole = values(Sma(20, "close"), candles)
    late = values(Sma(20, "close"), candles[start:])

    assert late[19:] == whole[start + 19 :]


@pytest.mark.parametrize("lost", [range(100, 101), range(95, 120), range(61, 70)])
def test_after_a_gap_a_window_holds_the_last_candles_there_are(lost: range) -> None:
    kept = [bar for number, bar in enumerate(walk(200)) if number not in lost]
    average, highest = Sma(7, "close"), RollingMax(7, "high")
    before: Candle | None = None
    for end, bar in enumerate(kept, start=1):
        for indicator in (average, highest):
            if before is not None and bar.seq != before.seq + 1:
                indicator.realign(bar.seq)
            indicator.update(bar, bar.seq)
        before = bar
        if end >= 7:
            window = kept[end - 7 : end]
            assert isclose(average.value, sum(b.close for b in window) / 7, rel_tol=1e-12)
            assert highest.value == max(b.high for b in window)


def test_an_ema_starts_from_the_mean_and_steps_by_its_weight() -> None:
    said = values(Ema(3, "close"), closes(1, 2, 3, 6, 2))

    assert [isnan(value) for value in said] == [True, True, False, False, False]
    assert said[2:] == [2.0, 4.0, 3.0]


def test_an_rsi_by_hand() -> None:
    said = values(Rsi(2, "close"), closes(10, 12, 11, 11, 14))

    # Gains 2, 0, 0, 3 and losses 0, 1, 0, 0: means 1 and 0.5, then half a step each.
    assert [isnan(value) for value in said] == [True, True, False, False, False]
    assert said[2] == pytest.approx(100 * 1 / 1.5)
    assert said[3] == pytest.approx(100 * 0.5 / 0.75)
    assert said[4] == pytest.approx(100 * 1.75 / (1.75 + 0.125))


def test_an_rsi_of_a_market_that_never_moved_is_zero() -> None:
    assert values(Rsi(3, "close"), closes(*[5.0] * 6))[-1] == 0.0


def test_an_atr_by_hand() -> None:
    bars = [
        candle(0, 10, 11, 9, 10),
        candle(1, 10, 12, 9, 11),  # range 3
        candle(2, 14, 15, 13, 14),  # 4 above the last close
        candle(3, 12, 12, 8, 9),  # 6 below the last close
    ]

    said = values(Atr(2), bars)

    assert said[2:] == [3.5, 4.75]


def test_a_crossing_is_seen_on_its_candle_only() -> None:
    fast, slow = Sma(1, "close"), Sma(3, "close")
    above, below = [], []
    for bar in closes(5, 5, 5, 9, 9, 9, 1, 1):
        fast.update(bar, bar.seq)
        slow.update(bar, bar.seq)
        above.append(fast.crossed_above(slow))
        below.append(fast.crossed_below(slow))

    assert above.index(True) == 3
    assert above.count(True) == 1
    assert below.index(True) == 6
    assert below.count(True) == 1


def test_a_level_is_crossed_as_well() -> None:
    fast = Sma(1, "close")
    crossed = []
    for bar in closes(29, 31, 32):
        fast.update(bar, bar.seq)
        crossed.append(fast.crossed_above(30))

    assert crossed == [False, True, False]


def test_before_there_are_enough_candles_nothing_compares() -> None:
    average = Sma(3, "close")
    average.update(candle(0), 0)

    assert not average.ready
    assert not average > 0
    assert not average < 1e9
    assert not average.crossed_above(0)


def test_an_indicator_calculates_like_a_number() -> None:
    average = Sma(1, "close")
    average.update(candle(0, 8.0), 0)

    assert (average + 1, 1 + average, average - 1, 10 - average) == (9, 9, 7, 2)
    assert (average * 2, 2 * average, average / 4, float(average)) == (16, 16, 2, 8)
    assert average >= 8
    assert average <= 8
    assert repr(average) == "sma(1, close)=8"


@pytest.mark.parametrize("period", [0, -1, 2.5, "3", True, 10_001])
def test_a_period_is_a_whole_number(period: object) -> None:
    with pytest.raises(DeclarationError, match="the period"):
        Sma(period, "close")  # type: ignore[arg-type]


def test_a_column_must_exist() -> None:
    with pytest.raises(DeclarationError, match="there is no column 'price'"):
        Ema(3, "price")  # type: ignore[arg-type]
