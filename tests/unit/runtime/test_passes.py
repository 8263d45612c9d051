"""One definition, two ways: candle by candle, and in one pass. And TA-Lib as the third opinion."""

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
import talib
from hypothesis import example, given, settings
from hypothesis import strategies as st

from strategy_runtime.sdk import indicators as i
from strategy_runtime.sdk.bars import Bars, Column, bars_of
from strategy_runtime.sdk.indicators import Indicator
from strategy_runtime.wire.messages import Candle
from tests.candles import candle, walk

SIMPLE = talib.MA_Type.SMA  # type: ignore[attr-defined] # its stubs leave the members out

Make = Callable[[int], Indicator]

EVERY: dict[str, Make] = {
    "sma": i.Sma,
    "ema": i.Ema,
    "wma": i.Wma,
    "rsi": i.Rsi,
    "macd": lambda n: i.Macd(n, n + 3, 4),
    "bollinger": lambda n: i.Bollinger(n, 1.5),
    "atr": i.Atr,
    "adx": lambda n: i.Adx(n + 1),
    "stochastic": lambda n: i.Stochastic(n, 2, 3),
    "day_vwap": lambda n: i.DayVwap(),
    "vwap": i.Vwap,
    "donchian": i.Donchian,
    "supertrend": lambda n: i.Supertrend(n, 1.0),
    "obv": lambda n: i.Obv(),
    "rolling_max": i.RollingMax,
    "rolling_min": i.RollingMin,
    "rolling_std": i.RollingStd,
}


def live(indicator: Indicator, candles: list[Candle]) -> list[Column]:
    """What `update` gives for each line, with gaps as the engine tells them."""
    rows, expected = [], None
    for bar in candles:
        if expected is not None and bar.seq != expected:
            indicator.realign(bar.seq)
        indicator.update(bar, bar.seq)
        expected = bar.seq + 1
        rows.append([line.value for line in indicator.lines])
    return list(np.array(rows, np.float64).reshape(len(rows), -1).T)


def long_walk(count: int, seed: int, *, lost: float = 0.0, still: float = 0.0) -> list[Candle]:
    """A walk with gaps, and with stretches in which nothing is traded."""
    rng, frozen = Random(seed), 0
    kept: list[Candle] = []
    for bar in walk(count, seed=seed, start=100.0):
        frozen = max(0, frozen - 1) or (20 if rng.random() < still else 0)
        price = kept[-1].close if kept else bar.open
        flat = Candle(bar.open_ms, price, price, price, price, 0.0, bar.seq)
        if rng.random() >= lost:
            kept.append(flat if frozen else bar)
    return kept


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 300),
    st.integers(1, 40),
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.01, 0.3]),
    st.sampled_from([0.0, 0.02]),
)
@example(0, 5, 1, 0.0, 0.0)
@example(1, 1, 1, 0.0, 0.0)
def test_a_pass_gives_what_candle_by_candle_gives_bit_for_bit(
    name: str, count: int, period: int, seed: int, lost: float, still: float
) -> None:
    candles = long_walk(count, seed, lost=lost, still=still)
    make = EVERY[name]

    said = live(make(period), candles) if candles else []
    passed = make(period).columns(bars_of("1m", candles))

    assert len(passed) == len(make(period).lines)
    for one, other in zip(said, passed, strict=False):
        np.testing.assert_array_equal(one.view(np.int64), canonical(other).view(np.int64))


@pytest.mark.parametrize("name", EVERY)
def test_a_pass_may_be_made_twice_and_after_updates(name: str) -> None:
    candles = walk(150)
    indicator = EVERY[name](9)
    bars = bars_of("1m", candles)

    first = indicator.columns(bars)
    live(indicator, candles)
    second = indicator.columns(bars)

    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def canonical(values: Column) -> Column:
    """NaN is NaN and zero is zero, whatever their signs."""
    return np.where(np.isnan(values), np.nan, values) + 0.0


def bars(seed: int, count: int = 3_000, start: float = 100.0) -> Bars:
    return bars_of("1m", walk(count, seed=seed, start=start))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("n", [2, 5, 14, 50])
@pytest.mark.parametrize("start", [0.01, 100.0, 6_000_000.0])
def test_values_are_those_of_ta_lib(seed: int, n: int, start: float) -> None:
    b = bars(seed, start=start)
    o, h, lo, c, v = b.open, b.high, b.low, b.close, b.volume
    upper, middle, lower = talib.BBANDS(c, n, 2.0, 2.0, SIMPLE)
    macd, signal, histogram = talib.MACD(c, n, n + 12, 9)
    k, d = talib.STOCH(h, lo, c, n, 3, SIMPLE, 3, SIMPLE)
    pairs: list[tuple[Indicator, tuple[Column, ...]]] = [
        (i.Sma(n), (talib.SMA(c, n),)),
        (i.Sma(n, "open"), (talib.SMA(o, n),)),
        (i.Ema(n), (talib.EMA(c, n),)),
        (i.Wma(n), (talib.WMA(c, n),)),
        (i.Rsi(n), (talib.RSI(c, n),)),
        (i.Macd(n, n + 12, 9), (macd, signal, histogram)),
        (i.Bollinger(n, 2.0), (middle, upper, lower)),
        (i.Atr(n), (talib.ATR(h, lo, c, n),)),
        (
            i.Adx(n),
            (talib.ADX(h, lo, c, n), talib.PLUS_DI(h, lo, c, n), talib.MINUS_DI(h, lo, c, n)),
        ),
        (i.Stochastic(n, 3, 3), (k, d)),
        (i.Obv(), (talib.OBV(c, v),)),
        (i.RollingMax(n), (talib.MAX(h, n),)),
        (i.RollingMin(n), (talib.MIN(lo, n),)),
        (i.Donchian(n), ((talib.MAX(h, n) + talib.MIN(lo, n)) / 2, talib.MAX(h, n))),
    ]
    for indicator, theirs in pairs:
        ours = indicator.columns(b)
        scale = start if indicator.name[:3] in {"sma", "ema", "wma", "mac", "bol", "atr"} else 1.0
        for one, other in zip(ours, theirs, strict=False):
            np.testing.assert_array_equal(np.isnan(one), np.isnan(other), indicator.name)
            np.testing.assert_allclose(
                one, other, rtol=1e-9, atol=1e-9 * scale, err_msg=indicator.name
            )


@pytest.mark.parametrize("n", [2, 5, 14, 50])
def test_a_deviation_is_that_of_ta_lib(n: int) -> None:
    b = bars(4, start=1.0)

    (ours,) = i.RollingStd(n).columns(b)

    np.testing.assert_allclose(ours, talib.STDDEV(b.close, n, 1.0), atol=1e-8)
    np.testing.assert_allclose(
        ours[n - 1 :],
        np.std(np.lib.stride_tricks.sliding_window_view(b.close, n), axis=1),
        rtol=1e-9,
    )


def test_a_deviation_keeps_its_digits_at_high_prices() -> None:
    candles = [candle(n, 6_000_000.0 + n % 2 * 1e-3) for n in range(60)]

    (ours,) = i.RollingStd(20).columns(bars_of("1m", candles))

    np.testing.assert_allclose(ours[20:], 5e-4, rtol=1e-5)


def test_a_market_that_never_moved_reads_as_in_ta_lib() -> None:
    b = bars_of("1m", [candle(n, 5.0) for n in range(60)])
    flat = (b.high, b.low, b.close)

    for ours, theirs in [
        (i.Rsi(5).columns(b)[0], talib.RSI(b.close, 5)),
        (i.Adx(5).columns(b)[0], talib.ADX(*flat, 5)),
        (i.Stochastic(5, 3, 3).columns(b)[0], talib.STOCH(*flat, 5, 3, SIMPLE, 3, SIMPLE)[0]),
    ]:
        np.testing.assert_array_equal(ours, theirs)


def test_a_day_average_waits_for_a_midnight() -> None:
    day = 86_400_000
    candles = [
        Candle(n * 3_600_000 + 20 * 3_600_000, 10.0, 10.0, 10.0, 10.0 + n, 1.0, n + 20)
        for n in range(30)
    ]
    (said,) = live(i.DayVwap(), candles)

    assert np.isnan(said[:4]).all()
    assert said[4] == (10 + 10 + 14) / 3
    assert said[5] == pytest.approx(((10 + 10 + 14) / 3 + (10 + 10 + 15) / 3) / 2)
    assert candles[28].open_ms // day > candles[4].open_ms // day
    assert said[28] == (10 + 10 + 38) / 3


def test_a_supertrend_changes_sides_once_a_close_has_passed_it() -> None:
    rising = [candle(n, 100.0 + n, 101.0 + n, 99.0 + n, 100.0 + n) for n in range(20)]
    falling = [candle(20 + n, 110.0 - 2 * n, 111.0 - 2 * n, 109.0 - 2 * n) for n in range(10)]
    line, side = live(i.Supertrend(3, 2.0), rising + falling)

    assert set(side[3:20]) == {1.0}
    assert (np.diff(line[4:20]) >= 0).all()
    assert side[-1] == -1.0
    assert line[-1] > falling[-1].close
