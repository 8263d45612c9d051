"""A backtest in figures. What cannot be told (a ratio over nothing) is None, never a big number.

Ratios are annualised by the resolution: a market that never closes has 525,960 minutes a year, not
252 days. Sharpe and Sortino are over the returns of single bars, without a riskless rate.
"""

from collections.abc import Sequence
from math import isfinite, sqrt

import numpy as np
from msgspec import Struct

from strategy_runtime.backtest.curves import drawdown, held, longest_drawdown_ms
from strategy_runtime.backtest.trades import Trade
from strategy_runtime.sdk.bars import Bars, Column
from strategy_runtime.wire.resolutions import DURATION_MS

YEAR_MS = 365.25 * 86_400_000


class Metrics(Struct, frozen=True):
    bars: int
    days: float
    trades: int
    final_equity: float
    total_return: float
    annual_return: float | None
    buy_and_hold: float
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    volatility: float | None
    max_drawdown: float
    max_drawdown_days: float
    profit_factor: float | None
    expectancy: float | None
    win_rate: float | None
    average_win: float | None
    average_loss: float | None
    largest_win: float | None
    largest_loss: float | None
    longest_losing_streak: int
    average_hours: float | None
    longest_hours: float | None
    exposure: float
    turnover: float
    fees: float
    funding: float


def measure(trades: Sequence[Trade], bars: Bars, curve: Column, capital: float) -> Metrics:
    count = len(bars)
    length = DURATION_MS[bars.resolution]
    span = float(bars.close_ms[-1] - bars.open_ms[0]) if count else 0.0
    pnl = np.array([trade.pnl for trade in trades])
    hours = np.array([(trade.exit_ms - trade.entry_ms) / 3_600_000 for trade in trades])
    wins, losses = pnl[pnl > 0], pnl[pnl <= 0]
    down = drawdown(curve, capital)
    deepest = float(-down.min()) if count else 0.0
    final = float(curve[-1]) if count else capital
    annual = annualised(final / capital, span)
    sharpe, sortino, volatility = ratios(curve, capital, YEAR_MS / length)
    return Metrics(
        bars=count,
        days=span / 86_400_000,
        trades=len(trades),
        final_equity=final,
        total_return=final / capital - 1.0,
        annual_return=annual,
        buy_and_hold=float(bars.close[-1] / bars.open[0] - 1.0) if count else 0.0,
        sharpe=sharpe,
        sortino=sortino,
        calmar=None if annual is None else _over(annual, deepest),
        volatility=volatility,
        max_drawdown=deepest,
        max_drawdown_days=longest_drawdown_ms(down, bars.open_ms) / 86_400_000,
        profit_factor=_over(float(wins.sum()), float(-losses.sum())),
        expectancy=_mean(pnl),
        win_rate=_over(float(len(wins)), float(len(pnl))),
        average_win=_mean(wins),
        average_loss=_mean(losses),
        largest_win=float(wins.max()) if len(wins) else None,
        largest_loss=float(losses.min()) if len(losses) else None,
        longest_losing_streak=streak(pnl),
        average_hours=_mean(hours),
        longest_hours=float(hours.max()) if len(hours) else None,
        exposure=float(held(trades, count).mean()) if count else 0.0,
        turnover=sum(trade.value for trade in trades) / capital,
        fees=sum(trade.fees for trade in trades),
        funding=sum(trade.funding for trade in trades),
    )


def annualised(growth: float, span_ms: float) -> float | None:
    """The yearly return that compounds to this growth; less than a day says nothing of a year."""
    if span_ms < 86_400_000:
        return None
    if growth <= 0:
        return -1.0
    exponent = YEAR_MS / span_ms * np.log(growth)
    return float(np.expm1(exponent)) if exponent < 700 else None


def ratios(
    curve: Column, capital: float, per_year: float
) -> tuple[float | None, float | None, float | None]:
    """Sharpe, Sortino and volatility of the bars' returns."""
    before = np.concatenate(([capital], curve[:-1]))
    if len(curve) < 2 or (before <= 0).any():
        return None, None, None
    returns = curve / before - 1.0
    mean, spread = float(returns.mean()), float(returns.std(ddof=1))
    below = sqrt(float((np.minimum(returns, 0.0) ** 2).mean()))
    root = sqrt(per_year)
    return _over(mean * root, spread), _over(mean * root, below), spread * root


def streak(pnl: Column) -> int:
    """The most losses in a row."""
    longest = now = 0
    for gain in pnl.tolist():
        now = now + 1 if gain <= 0 else 0
        longest = max(longest, now)
    return longest


def _over(above: float, below: float) -> float | None:
    if below <= 0.0:
        return None
    found = above / below
    return found if isfinite(found) else None


def _mean(values: Column) -> float | None:
    return float(values.mean()) if len(values) else None
