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
    if trades:
        start, end = _bars(trades)
        fees = np.array([trade.fees for trade in trades]) / 2
        pnl = np.array([trade.pnl for trade in trades])
        np.subtract.at(booked, start, fees)
        np.add.at(booked, end, pnl + fees)
        signed = [
            float(trade.quantity) if trade.side == "LONG" else -float(trade.quantity)
            for trade in trades
        ]
        entry = np.array([float(trade.entry_price) for trade in trades])
        # Every bar at whose close a position is open; a strategy has one position at a time.
        lengths = end - start
        ends = np.cumsum(lengths)
        at = np.arange(int(ends[-1])) + np.repeat(start - (ends - lengths), lengths)
        gained = bars.close[at] - np.repeat(entry, lengths)
        worth[at] = np.repeat(np.array(signed), lengths) * gained
    return capital + np.cumsum(booked) + worth


def _bars(trades: Sequence[Trade]) -> tuple[Times, Times]:
    start = np.array([trade.entry_bar for trade in trades], dtype=np.int64)
    return start, np.array([trade.exit_bar for trade in trades], dtype=np.int64)


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
