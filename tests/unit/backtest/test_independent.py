"""Our figures beside those of an independent library, on shared cases."""

from math import sqrt

import empyrical
import numpy as np
import pytest

from strategy_runtime.backtest.curves import drawdown
from strategy_runtime.backtest.metrics import YEAR_MS, annualised, measure, ratios
from strategy_runtime.sdk.bars import Bars, Column
from strategy_runtime.wire.resolutions import DURATION_MS
from tests.unit.templates.figures import result

CAPITAL = 10_000.0
CASES = [
    (seed, resolution, drift)
    for seed, drift in ((1, 0.0004), (2, -0.0003), (3, 0.0), (4, 0.002))
    for resolution in ("5m", "1h", "1d")
]


def curve_of(seed: int, drift: float, count: int = 700) -> Column:
    gains = np.random.default_rng(seed).standard_t(4, count) * 0.004 + drift
    return np.asarray(CAPITAL * np.cumprod(1.0 + gains), np.float64)


def bars_like(curve: Column, resolution: str) -> Bars:
    times = np.arange(len(curve), dtype=np.int64) * DURATION_MS[resolution]
    flat = np.full(len(curve), 100.0)
    return Bars(resolution, times, flat, flat, flat, flat, flat)


def returns_of(curve: Column) -> Column:
    return np.asarray(curve / np.concatenate(([CAPITAL], curve[:-1])) - 1.0, np.float64)


@pytest.mark.parametrize(("seed", "resolution", "drift"), CASES)
def test_every_ratio_is_the_librarys(seed: int, resolution: str, drift: float) -> None:
    curve = curve_of(seed, drift)
    returns, per_year = returns_of(curve), YEAR_MS / DURATION_MS[resolution]

    found = measure([], bars_like(curve, resolution), curve, CAPITAL)

    yearly = {"annualization": per_year}
    assert found.sharpe == pytest.approx(empyrical.sharpe_ratio(returns, **yearly))
    assert found.sortino == pytest.approx(empyrical.sortino_ratio(returns, **yearly))
    assert found.volatility == pytest.approx(empyrical.annual_volatility(returns, **yearly))
    assert found.max_drawdown == pytest.approx(-empyrical.max_drawdown(returns))
    assert found.total_return == pytest.approx(empyrical.cum_returns_final(returns))
    assert found.annual_return == pytest.approx(empyrical.annual_return(returns, **yearly))
    assert found.calmar == pytest.approx(empyrical.calmar_ratio(returns, **yearly))


@pytest.mark.parametrize("name", ["sma_cross", "donchian_trend", "macd_volume"])
def test_a_real_backtests_figures_are_the_librarys(name: str) -> None:
    found = result(name)
    returns = returns_of(found.curve)
    per_year = YEAR_MS / DURATION_MS[found.setting.resolution]

    m, yearly = found.metrics, {"annualization": per_year}

    assert m.sharpe == pytest.approx(empyrical.sharpe_ratio(returns, **yearly))
    assert m.sortino == pytest.approx(empyrical.sortino_ratio(returns, **yearly))
    assert m.max_drawdown == pytest.approx(-empyrical.max_drawdown(returns))
    assert m.total_return == pytest.approx(sum(t.pnl for t in found.trades) / CAPITAL, abs=1e-9)


def test_a_week_by_hand() -> None:
    """1,000 → 1,100 → 990 → 990 → 1,188 on daily bars: +10 %, −10 %, 0, +20 %."""
    curve = np.array([1_100.0, 990.0, 990.0, 1_188.0])
    gains = [0.10, -0.10, 0.0, 0.20]
    mean = sum(gains) / 4
    spread = sqrt(sum((gain - mean) ** 2 for gain in gains) / 3)

    sharpe, sortino, volatility = ratios(curve, 1_000.0, 365.25)
    found = measure([], bars_like(curve, "1d"), curve, 1_000.0)

    assert mean == pytest.approx(0.05)
    assert sharpe == pytest.approx(0.05 / spread * sqrt(365.25))
    assert sortino == pytest.approx(0.05 / sqrt(0.01 / 4) * sqrt(365.25))
    assert volatility == pytest.approx(spread * sqrt(365.25))
    assert drawdown(curve, 1_000.0).tolist() == pytest.approx([0.0, -0.1, -0.1, 0.0])
    assert found.max_drawdown == pytest.approx(0.1)
    assert found.max_drawdown_days == 3
    assert found.total_return == pytest.approx(0.188)
    assert found.annual_return == pytest.approx(1.188 ** (365.25 / 4) - 1)
    assert found.annual_return == annualised(1.188, 4 * 86_400_000)
