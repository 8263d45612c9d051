"""The engine, driven over recorded bars as fast as Python goes.

The same strategy object, the same `compose` and the same fill rules as candle by candle; what is
left out is what would not happen. Indicators come from their vectorised pass, the position is
advanced on bars whose range can touch it, and a decision is concluded where a hook said something.
`tests/unit/runtime/test_sweep.py` holds it to what a replay says, decision for decision.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct

from strategy_runtime.engine.engine import Decision, Engine, Setting
from strategy_runtime.engine.heard import Ticks
from strategy_runtime.engine.position import Fill, advance
from strategy_runtime.engine.state import EMPTY
from strategy_runtime.engine.tape import Tape
from strategy_runtime.engine.unrolled import Rows, loop_for
from strategy_runtime.sdk.bars import CHUNK, PRICES, Bars, Column, Times
from strategy_runtime.sdk.context import Context
from strategy_runtime.sdk.errors import StrategyError
from strategy_runtime.sdk.history import History
from strategy_runtime.sdk.indicators import Line
from strategy_runtime.sdk.strategy import BaseStrategy
from strategy_runtime.wire.messages import Candle, Position, Signal, Tick
from strategy_runtime.wire.resolutions import candle_trigger

INFINITY = float("inf")

Progress = Callable[[int], None]


class Filled(Struct, frozen=True, gc=False):
    """A fill of the virtual position, the bar in which it happened, and the signal that led to
    it; stops and targets have none.
    """

    bar: int
    fill: Fill
    signal: Signal | None


class Sweep(NamedTuple):
    """All that was decided, in order. Bars on which nothing was said are only counted."""

    decided: int
    decisions: list[tuple[int, Decision]]
    fills: list[Filled]
    position: Position
    parting: list[tuple[str, str]]


def sweep(
    kind: type[BaseStrategy],
    setting: Setting,
    bars: Bars,
    further: Mapping[str, Bars] | None = None,
    *,
    first: int = 0,
    progress: Progress | None = None,
    ticks: Ticks | None = None,
) -> Sweep:
    """Decide every bar from `first` on; those before it only warm up. A bar's ticks come before it
    closes, to strategies that ask for them.
    """
    given = {setting.resolution: bars, **(further or {})}

    def keep(resolution: str, window: int) -> History:
        if resolution not in given:
            raise StrategyError(f"there are no recorded candles of {resolution!r}")
        return Tape(given[resolution], window)

    engine = Engine(kind, setting, keep=keep)
    heard = ticks if kind.ticks else None
    found = _decide(engine, bars, _Longer(engine.context, bars), first, progress, heard)
    return found._replace(parting=list(engine.stop()))


class _Longer:
    """Where the further resolutions stand at each base bar, and their indicators' values there."""

    def __init__(self, context: Context, bars: Bars) -> None:
        self.tapes: list[History] = []
        self.counts: list[Times] = []
        self.lines: list[Line] = []
        self.values: list[Column] = []
        self.previous: list[Column] = []
        for series in context.further.values():
            tape = series.history
            assert isinstance(tape, Tape)
            count = np.searchsorted(tape.bars.close_ms, bars.close_ms, side="right").astype(
                np.int64
            )
            self.tapes.append(tape)
            self.counts.append(count)
            for indicator in series.indicators:
                for line, column in zip(indicator.lines, indicator.columns(tape.bars), strict=True):
                    padded = np.concatenate(([np.nan, np.nan], column))
                    self.lines.append(line)
                    self.values.append(padded[count + 1])
                    self.previous.append(padded[count])

    def rows(self, start: int, end: int) -> Iterator[tuple[list[int], list[float], list[float]]]:
        cut = slice(start, end)
        nothing = repeat((), end - start)

        def table(columns: list[Any]) -> Iterator[list[float]]:
            lists = [column[cut].tolist() for column in columns]
            return zip(*lists, strict=True) if lists else nothing  # type: ignore[return-value]

        return zip(table(self.counts), table(self.values), table(self.previous), strict=False)  # type: ignore[arg-type]

    def show(self, row: tuple[list[int], list[float], list[float]]) -> None:
        counts, values, previous = row
        for tape, count in zip(self.tapes, counts, strict=True):
            tape.end = count  # type: ignore[attr-defined] # a Tape, as the constructor made sure
        for line, value, before in zip(self.lines, values, previous, strict=True):
            line.value, line.previous = value, before


def _decide(
    engine: Engine,
    bars: Bars,
    longer: _Longer,
    first: int,
    progress: Progress | None,
    ticks: Ticks | None,
) -> Sweep:
    context = engine.context
    lines, columns = _lines(context, bars, first)
    loop = loop_for(len(lines), further=bool(longer.tapes))
    book = _Book(engine)
    under, over = levels(context.position)
    for start in range(first, len(bars), CHUNK):
        end = min(start + CHUNK, len(bars))
        rows = _rows(bars, columns, longer, start, end)
        for some in [rows] if ticks is None else _between(rows, bars, ticks, start, book):
            under, over = loop(
                some,
                lines,
                context.history,
                context,
                engine.on_candle,
                book.touch,
                book.conclude,
                longer.show,
                *((under, over) if ticks is None else levels(context.position)),
            )
        if progress is not None:
            progress(end)
    return Sweep(len(bars) - first, book.decisions, book.fills, context.position, [])


def _between(
    rows: Rows, bars: Bars, ticks: Ticks, start: int, book: "_Book"
) -> Iterator[list[tuple[Any, ...]]]:
    """Each row by itself, after the ticks of its bar."""
    edges = ticks.at_ms.searchsorted(np.append(bars.open_ms[start:], bars.close_ms[-1:]))
    for bar, row in enumerate(rows, start=start):
        first, last = int(edges[bar - start]), int(edges[bar - start + 1])
        for tick in ticks.between(first, last, until_ms=int(bars.close_ms[bar])):
            book.hear(tick, bar)
        yield [row]


class _Book:
    """What happened so far. Both methods give back between which prices nothing can happen."""

    def __init__(self, engine: Engine) -> None:
        self.decisions: list[tuple[int, Decision]] = []
        self.fills: list[Filled] = []
        self._engine = engine
        self._context = engine.context

    def hear(self, tick: Tick, bar: int) -> None:
        decision = self._engine.decide_tick(tick)
        if decision is not None:
            self.decisions.append((bar, decision))

    def touch(self, candle: Candle, bar: int) -> tuple[float, float]:
        """A bar that reaches the position's levels, or opens with signals waiting."""
        context = self._context
        waiting = context.position.pending
        context.position, happened = advance(context.position, candle)
        for fill in happened:
            self.fills.append(Filled(bar, fill, cause(fill, waiting)))
        return levels(context.position)

    def conclude(
        self, candle: Candle, bar: int, answer: object, raised: BaseException | None
    ) -> tuple[float, float]:
        """A bar on which the strategy said something."""
        fills = self.fills
        happened: tuple[Fill, ...] = ()
        if fills and fills[-1].bar == bar:  # an exit, an entry and its stop, at most
            happened = tuple(filled.fill for filled in fills[-3:] if filled.bar == bar)
        trigger = candle_trigger(self._context.resolution, candle.open_ms)
        decision = self._engine.conclude(trigger, happened, answer, raised)
        if decision.outcome != "none" or said_beside(decision):
            self.decisions.append((bar, decision))
        return levels(self._context.position)


def _lines(context: Context, bars: Bars, first: int) -> tuple[list[Line], list[Column]]:
    """Every line of the base resolution, and its values; as they stand before the first bar."""
    lines: list[Line] = []
    columns: list[Column] = []
    for indicator in context.base.indicators:
        lines += indicator.lines
        columns += indicator.columns(bars)
    if first:
        for line, column in zip(lines, columns, strict=True):
            line.value = float(column[first - 1])
    return lines, columns


def _rows(bars: Bars, columns: list[Column], longer: _Longer, start: int, end: int) -> Rows:
    """What the loop reads of one chunk: plain Python numbers, and no code of ours between them."""
    part = bars.part(start, end)
    prices = [part.column(name).tolist() for name in PRICES]
    _, highs, lows, closes, _ = prices
    return zip(
        range(start + 1, end + 1),
        map(Candle, part.open_ms.tolist(), *prices, part.seq.tolist()),
        lows,
        highs,
        closes,
        *(column[start:end].tolist() for column in columns),
        *((longer.rows(start, end),) if longer.tapes else ()),
        strict=True,
    )


def said_beside(decision: Decision) -> bool:
    return bool(decision.lines or decision.metrics or decision.state != EMPTY)


def levels(position: Position) -> tuple[float, float]:
    """A bar that reaches down to the first or up to the second has to be looked at."""
    if position.pending:
        return INFINITY, INFINITY
    stop, target = position.stop_loss, position.take_profit
    lower, upper = (stop, target) if position.side == "LONG" else (target, stop)
    return -INFINITY if lower is None else lower, INFINITY if upper is None else upper


def cause(fill: Fill, pending: tuple[Signal, ...]) -> Signal | None:
    """The signal that this fill comes of; a stop or a target comes of none."""
    if fill.cause == "signal":
        for signal in pending:
            if signal.action == fill.action:
                return signal
    return None
