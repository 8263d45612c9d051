"""From the fills of a virtual position to its episodes: in at one price, out at another.

Where candles finer than the decisions' are at hand, they say whether a stop or a target was met
first in a candle that holds both; the virtual position itself always takes the worse.
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from strategy_runtime.backtest.terms import Entry
from strategy_runtime.engine.position import advance
from strategy_runtime.engine.sweep import Filled, Sweep
from strategy_runtime.sdk.bars import Bars
from strategy_runtime.wire.messages import Position, Signal

Side = Literal["LONG", "SHORT"]
Why = Literal["signal", "stop", "target", "liquidation", "end"]


class Episode(Struct, frozen=True, gc=False):
    """`held_from` up to `held_to`, which is left out: bars whose whole range the position saw."""

    side: Side
    signal: Signal
    entry_bar: int
    entry_ms: int
    entry: float
    exit_bar: int
    exit_ms: int
    exit: float
    why: Why
    reason: str
    held_from: int
    held_to: int

    @property
    def stop_loss(self) -> float | None:
        return None if self.signal.stop_loss is None else float(self.signal.stop_loss)

    @property
    def take_profit(self) -> float | None:
        return None if self.signal.take_profit is None else float(self.signal.take_profit)

    def ended(self, bar: int, at_ms: int, price: float) -> "Episode":
        return replace(
            self, exit_bar=bar, exit_ms=at_ms, exit=price, why="liquidation", reason="liquidated"
        )


def episodes(
    found: Sweep, bars: Bars, entry: Entry = "open", finer: Bars | None = None
) -> Iterator[Episode]:
    begun: Filled | None = None
    for filled in found.fills:
        if begun is None:
            begun = filled
            continue
        yield _episode(begun, filled, bars, entry, finer)
        begun = None
    if begun is not None:
        yield _unfinished(begun, bars, entry)


def _episode(begun: Filled, ended: Filled, bars: Bars, entry: Entry, finer: Bars | None) -> Episode:
    start, entry_ms, paid = _at_market(begun, bars, entry)
    if ended.fill.cause == "signal":
        end, exit_ms, price = _at_market(ended, bars, entry)
        why: Why = "signal"
        reason = "" if ended.signal is None else ended.signal.reason
    else:
        end, exit_ms, price, why = ended.bar, ended.fill.at_ms, ended.fill.price, ended.fill.cause
        reason = why
        if finer is not None:
            why, price, exit_ms = _sharpened(begun, ended, bars, finer)
            reason = why
    assert begun.signal is not None
    return Episode(
        "LONG" if begun.fill.action == "LONG" else "SHORT",
        begun.signal,
        start,
        entry_ms,
        paid,
        end,
        exit_ms,
        price,
        why,
        reason,
        begun.bar,
        ended.bar if why == "signal" else ended.bar + 1,
    )


def _unfinished(begun: Filled, bars: Bars, entry: Entry) -> Episode:
    """What is still open when the candles end is valued at the last close."""
    start, entry_ms, paid = _at_market(begun, bars, entry)
    last = len(bars) - 1
    assert begun.signal is not None
    return Episode(
        "LONG" if begun.fill.action == "LONG" else "SHORT",
        begun.signal,
        start,
        entry_ms,
        paid,
        last,
        int(bars.close_ms[last]),
        float(bars.close[last]),
        "end",
        "the candles end",
        begun.bar,
        len(bars),
    )


def _at_market(filled: Filled, bars: Bars, entry: Entry) -> tuple[int, int, float]:
    """Bar, time and price of a fill that a signal led to."""
    if entry == "open" or filled.bar == 0:
        return filled.bar, filled.fill.at_ms, filled.fill.price
    before = filled.bar - 1
    return before, int(bars.close_ms[before]), float(bars.close[before])


def _sharpened(begun: Filled, ended: Filled, bars: Bars, finer: Bars) -> tuple[Why, float, int]:
    """The first level that the finer candles of the last bar meet."""
    assert begun.signal is not None
    opens, closes = int(bars.open_ms[ended.bar]), int(bars.close_ms[ended.bar])
    start, end = finer.open_ms.searchsorted([opens, closes])
    position = Position(
        side="LONG" if begun.fill.action == "LONG" else "SHORT",
        stop_loss=None if begun.signal.stop_loss is None else float(begun.signal.stop_loss),
        take_profit=None if begun.signal.take_profit is None else float(begun.signal.take_profit),
    )
    for candle in finer.part(int(start), int(end)).candles():
        _, fills = advance(position, candle)
        if fills:
            return fills[0].cause, fills[0].price, candle.open_ms
    return ended.fill.cause, ended.fill.price, ended.fill.at_ms
