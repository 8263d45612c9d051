"""Figures by hand, and against pandas as an independent opinion."""

from decimal import Decimal
from math import sqrt

import numpy as np
import pandas as pd
import pytest

from strategy_runtime.backtest.aggregate import aggregate
from strategy_runtime.backtest.chance import draw
from strategy_runtime.backtest.critique import at_bounds, criticise
from strategy_runtime.backtest.curves import drawdown, equity, longest_drawdown_ms
from strategy_runtime.backtest.metrics import Metrics, annualised, measure, ratios, streak
from strategy_runtime.backtest.trades import Skipped, Trade
from strategy_runtime.sdk.bars import BadBars, Bars, Column, bars_of, checked
from strategy_runtime.sdk.params import declared
from tests.candles import candle, longer, walk
from tests.unit.runtime.drive import strategy

DAY_MS = 86_400_000


def trade(pnl: float, bar: int = 0, *, length: int = 1, fees: float = 0.0, **more: object) -> Trade:
    given: dict[str, object] = {"stop_loss": 90.0, "cause": "signal", **more}
    return Trade(
        "LONG",
        Decimal(1),
        Decimal(1),
        bar,
        bar + length,
        bar * DAY_MS,
        (bar + length) * DAY_MS,
        Decimal(100),
        Decimal(100),
        given["stop_loss"],  # type: ignore[arg-type]
        None,
        given["cause"],  # type: ignore[arg-type]
        "",
        pnl,
        fees,
        0.0,
    )


def days(*closes: float) -> Bars:
    return bars_of("1d", [candle(n, close, resolution="1d") for n, close in enumerate(closes)])


def measured(*pnl: float) -> Metrics:
    trades = [trade(gain, bar) for bar, gain in enumerate(pnl)]
    bars = days(*[100.0] * (len(pnl) + 1))
    return measure(trades, bars, equity(trades, bars, 1000.0), 1000.0)


def test_trades_in_figures_by_hand() -> None:
    found = measured(30.0, -10.0, -20.0, 40.0, -5.0)

    assert found.trades == 5
    assert found.final_equity == 1035
    assert found.total_return == pytest.approx(0.035)
    assert found.profit_factor == pytest.approx(70 / 35)
    assert found.expectancy == 7
    assert found.win_rate == 0.4
    assert found.average_win == 35
    assert found.average_loss == pytest.approx(-35 / 3)
    assert (found.largest_win, found.largest_loss) == (40, -20)
    assert found.longest_losing_streak == 2
    assert (found.average_hours, found.longest_hours) == (24, 24)
    assert found.max_drawdown == pytest.approx(30 / 1030)
    assert found.exposure == pytest.approx(5 / 6)
    assert found.turnover == pytest.approx(5 * 200 / 1000)


def test_without_trades_there_is_nothing_to_divide() -> None:
    found = measured()

    assert (found.profit_factor, found.expectancy, found.win_rate) == (None, None, None)
    assert (found.sharpe, found.calmar, found.total_return) == (None, None, 0.0)


def test_only_wins_have_no_profit_factor() -> None:
    assert measured(5.0, 6.0).profit_factor is None


def test_ratios_are_those_of_pandas() -> None:
    rng = np.random.default_rng(3)
    curve: Column = (1000 * np.cumprod(1 + rng.normal(0.001, 0.01, 500))).astype(np.float64)
    returns = pd.Series([1000.0, *curve]).pct_change().dropna()

    sharpe, sortino, volatility = ratios(curve, 1000.0, 365.25)

    assert sharpe == pytest.approx(returns.mean() / returns.std() * sqrt(365.25))
    below = sqrt((returns.clip(upper=0) ** 2).mean())
    assert sortino == pytest.approx(returns.mean() / below * sqrt(365.25))
    assert volatility == pytest.approx(returns.std() * sqrt(365.25))


def test_a_year_has_as_many_bars_as_a_market_that_never_closes() -> None:
    curve = np.array([1001.0, 1000.0, 1002.0, 1003.0])
    daily, _, _ = ratios(curve, 1000.0, 365.25)
    minutely, _, _ = ratios(curve, 1000.0, 365.25 * 1440)

    assert minutely == pytest.approx((daily or 0) * sqrt(1440))


def test_drawdowns_are_those_of_pandas() -> None:
    rng = np.random.default_rng(4)
    curve: Column = (1000 * np.cumprod(1 + rng.normal(0, 0.02, 300))).astype(np.float64)
    series = pd.Series([1000.0, *curve])

    np.testing.assert_allclose(
        drawdown(curve, 1000.0), (series / series.cummax() - 1).to_numpy()[1:]
    )


def test_the_longest_drawdown_is_from_a_best_to_the_next() -> None:
    curve = np.array([1000.0, 1010, 1005, 1000, 1010, 1020, 1015, 1016])
    times = np.arange(8) * DAY_MS

    assert longest_drawdown_ms(drawdown(curve, 1000.0), times) == 3 * DAY_MS
    assert longest_drawdown_ms(drawdown(curve[:2], 1000.0), times[:2]) == 0


@pytest.mark.parametrize(
    ("growth", "span_days", "expected"),
    [(1.1, 365.25, 0.1), (1.21, 730.5, 0.1), (0.5, 365.25, -0.5), (0.0, 10, -1.0), (2, 0.5, None)],
)
def test_annual_returns_compound(growth: float, span_days: float, expected: float | None) -> None:
    found = annualised(growth, span_days * DAY_MS)

    assert found == (expected if expected is None else pytest.approx(expected))


def test_a_streak_counts_losses_in_a_row() -> None:
    assert streak(np.array([1.0, -1, -1, 2, -1, -1, -1, 3])) == 3
    assert streak(np.zeros(0)) == 0


# ---- chance ------------------------------------------------------------------------------------


def test_draws_are_seeded_and_lie_around_the_result() -> None:
    rng = np.random.default_rng(5)
    trades = [trade(float(gain)) for gain in rng.normal(1.0, 10.0, 200)]
    total = sum(one.pnl for one in trades)

    first, again, other = (draw(trades, 1000.0, seed=seed) for seed in (1, 1, 2))

    assert first == again != other
    assert first is not None
    assert first.total_return.low < total / 1000 < first.total_return.high
    assert first.expectancy.middle == pytest.approx(total / 200, abs=0.5)
    deviation = float(np.std([one.pnl for one in trades])) * sqrt(200) / 1000
    assert first.total_return.high - first.total_return.low == pytest.approx(
        2 * 1.645 * deviation, rel=0.1
    )
    assert 0 < first.max_drawdown.low < first.max_drawdown.high


def test_one_trade_is_too_little_to_draw_from() -> None:
    assert draw([trade(1.0)], 1000.0) is None


# ---- critique ----------------------------------------------------------------------------------


def said(trades: list[Trade], **more: object) -> set[str]:
    bars = days(*[100.0] * 40)
    found = measure(trades, bars, equity(trades, bars, 1000.0), 1000.0)
    return {remark.rule for remark in criticise(found, trades, **more)}  # type: ignore[arg-type]


def test_a_sound_result_is_not_criticised() -> None:
    assert said([trade(1.0 if n % 3 else -0.5, n) for n in range(39)]) == set()


@pytest.mark.parametrize(
    ("trades", "more", "rule"),
    [
        ([], {}, "flat"),
        ([trade(1.0, n) for n in range(5)], {}, "few_trades"),
        ([trade(-1.0, n) for n in range(9)] + [trade(20.0, 9)], {}, "one_trade"),
        ([trade(1.0, n, fees=3.0) for n in range(9)], {}, "fees"),
        ([trade(1.0, stop_loss=None)], {}, "no_stop"),
        ([trade(-1.0, cause="liquidation")], {}, "liquidated"),
        ([], {"skipped": [Skipped(0, 0, "LONG", "too_small", 50.0)]}, "skipped"),
        ([], {"errors": {"ZeroDivisionError": 3}}, "failed"),
        ([], {"lacks_ticks": True}, "ticks"),
        ([], {"at_bounds": ["fast"]}, "bounds"),
    ],
)
def test_what_makes_a_result_doubtful_is_said(
    trades: list[Trade], more: dict[str, object], rule: str
) -> None:
    assert rule in said(trades, **more)


def test_a_parameter_at_its_bound_is_named() -> None:
    kind = strategy(
        "a: int = param(2, ge=2, le=9)\nb: int = param(5, ge=2, le=9)\n"
        "c: float = param(1.0, gt=0)\n"
        "def on_candle(self, candle): ..."
    )

    assert at_bounds({"b": 9}, declared(kind)) == ["a", "b"]


# ---- bars --------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", ["5m", "15m", "1h"])
def test_longer_candles_are_made_of_whole_ones(resolution: str) -> None:
    candles = walk(300)

    made = list(aggregate(bars_of("1m", candles), resolution).candles())

    wanted = longer(candles, resolution)
    assert [(c.open_ms, c.open, c.high, c.low, c.close, c.seq) for c in made] == [
        (c.open_ms, c.open, c.high, c.low, c.close, c.seq) for c in wanted
    ]
    np.testing.assert_allclose([c.volume for c in made], [c.volume for c in wanted])


def test_longer_candles_cannot_be_made_of_longer_ones() -> None:
    with pytest.raises(BadBars, match="cannot be made of 1h"):
        aggregate(bars_of("1h", []), "15m")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"high": 99.0}, "candle 2, .* a high or low that does not hold"),
        ({"low": float("nan")}, "candle 2, .* not finite"),
        ({"close": -1.0}, "candle 2, .* not above zero"),
        ({"volume": -1.0}, "candle 2, .* a volume below zero"),
        ({"open_ms": 30_000}, "candle 2, .* no multiple of the resolution"),
        ({"open_ms": 60_000}, "candle 2, .* does not come after"),
    ],
)
def test_candles_that_cannot_be_are_refused_by_row(change: dict[str, float], sentence: str) -> None:
    bars = bars_of("1m", walk(3))
    for name, value in change.items():
        bars.column(name)[1] = value

    with pytest.raises(BadBars, match=sentence):
        checked(bars)


def test_the_same_candles_have_the_same_name() -> None:
    assert bars_of("1m", walk(9)).sha256() == bars_of("1m", walk(9)).sha256()
    assert bars_of("1m", walk(9)).sha256() != bars_of("1m", walk(9, seed=8)).sha256()
