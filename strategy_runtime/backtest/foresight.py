"""Whether a result knew the future: its first decisions, taken again with nothing behind them.

A courtesy at every backtest; `slipway check` asks in more places and names the line.
"""

from collections.abc import Callable

from strategy_runtime.backtest.driven import Said, differs
from strategy_runtime.engine.failures import StrategyFailed

MOST_BARS = 1_500  # each costs what deciding it costs

# Decides the first so many bars, and has no others.
Again = Callable[[int], Said]


def first_that_knew(said: Said, count: int, again: Again) -> int | None:
    """The first of `count` bars that comes out otherwise once the future is cut off."""
    for end in _cuts(said, count):
        before = [(bar, one) for bar, one in said if bar < end]
        try:
            bar = differs(before, again(end))
        except StrategyFailed:  # it started once: what it keeps outside of itself has changed
            return end - 1
        if bar is not None:
            return bar
    return None


def _cuts(said: Said, count: int) -> list[int]:
    """Far from the end, and right behind an entry: what looks one candle ahead shows there."""
    end = min(MOST_BARS, count // 2)
    entries = [
        bar + 1
        for bar, one in said
        if bar < end and any(signal.action in ("LONG", "SHORT") for signal in one.signals)
    ]
    return sorted({end, *entries[len(entries) // 2 :][:1], *entries[-1:]} - {0})
