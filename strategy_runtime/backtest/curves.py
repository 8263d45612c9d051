"""The account's worth at each bar's close, and how far it stood below its best."""

from collections.abc import Sequence

import numpy as np

from strategy_runtime.backtest.trades import Trade
from strategy_runtime.sdk.bars import Bars, Column, Times

Held = np.ndarray[tuple[int], np.dtype[np.bool_]]


def equity(trades: Sequence[Trade], bars: Bars, capital: float) -> Column:
    """An open position counts at the close, without the fees of leaving it. Half of a trade's fees
    are paid at its entry.
    """
    booked = np.zeros(len(bars))
    worth = np.zeros(len(bars))
    close = bars.close
    for trade in trades:
        start, end = trade.entry_bar, trade.exit_bar
        half = trade.fees / 2
        booked[start] -= half
        booked[end] += trade.pnl + half
        if end > start:
            quantity = float(trade.quantity) if trade.side == "LONG" else -float(trade.quantity)
            worth[start:end] += quantity * (close[start:end] - float(trade.entry_price))
    return capital + np.cumsum(booked) + worth


def drawdown(curve: Column, capital: float) -> Column:
    """The share that is missing from the best so far, 0 or below."""
    best = np.maximum(np.maximum.accumulate(curve), capital)
    return curve / best - 1.0


def longest_drawdown_ms(down: Column, open_ms: Times) -> int:
    """From a best to the bar that is as good again, or to the end."""
    if not len(down):
        return 0
    at_best = np.flatnonzero(down >= 0.0)
    marks = np.concatenate(([0], at_best, [len(down) - 1]))
    return int(np.diff(open_ms[marks]).max()) if (down < 0.0).any() else 0


def held(trades: Sequence[Trade], count: int) -> Held:
    """Bars at whose close there was a position, or in which one came and went."""
    found = np.zeros(count, dtype=np.bool_)
    for trade in trades:
        found[trade.entry_bar : max(trade.exit_bar, trade.entry_bar + 1)] = True
    return found
