"""How much of a result was luck: the trades drawn again, and in other orders. Seeded."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from strategy_runtime.backtest.trades import Trade

ROUNDS = 2_000
CELLS = 4_000_000  # held at once
SHARES = (5, 50, 95)


class Interval(Struct, frozen=True):
    """What 5 %, half and 95 % of the draws stay below."""

    low: float
    middle: float
    high: float


class Chance(Struct, frozen=True):
    """`total_return` and `expectancy` draw as many trades with replacement; `max_drawdown` is of
    the same trades in another order.
    """

    rounds: int
    total_return: Interval
    expectancy: Interval
    max_drawdown: Interval
    loses: float  # share of the draws that end below the capital


def draw(
    trades: Sequence[Trade], capital: float, *, seed: int = 1, rounds: int = ROUNDS
) -> Chance | None:
    """None where there is too little to draw from."""
    pnl = np.array([trade.pnl for trade in trades])
    count = len(pnl)
    if count < 2:
        return None
    generator = np.random.default_rng(seed)
    at_once = max(1, min(rounds, CELLS // count))
    totals, deepest = [], []
    for start in range(0, rounds, at_once):
        some = min(at_once, rounds - start)
        totals.append(pnl[generator.integers(0, count, (some, count))].sum(axis=1))
        orders = generator.permuted(np.broadcast_to(pnl, (some, count)), axis=1)
        curves = capital + np.cumsum(orders, axis=1)
        best = np.maximum(np.maximum.accumulate(curves, axis=1), capital)
        deepest.append((1.0 - curves / best).max(axis=1))
    total = np.concatenate(totals)
    return Chance(
        rounds=rounds,
        total_return=_interval(total / capital),
        expectancy=_interval(total / count),
        max_drawdown=_interval(np.concatenate(deepest)),
        loses=float((total < 0).mean()),
    )


def _interval(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Interval:
    low, middle, high = np.percentile(values, SHARES)
    return Interval(float(low), float(middle), float(high))
