"""One backtest, from a strategy and candles to a result."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from strategy_runtime.backtest.chance import Chance, draw
from strategy_runtime.backtest.critique import Remark, at_bounds, criticise
from strategy_runtime.backtest.curves import drawdown, equity
from strategy_runtime.backtest.driven import Said
from strategy_runtime.backtest.foresight import Again, first_that_knew
from strategy_runtime.backtest.metrics import Metrics, measure
from strategy_runtime.backtest.terms import Terms, generic
from strategy_runtime.backtest.trades import Ledger, Skipped, Trade, settle
from strategy_runtime.engine.engine import Setting
from strategy_runtime.engine.heard import Ticks
from strategy_runtime.engine.sweep import Progress, Sweep, sweep
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.sdk.bars import Bars, Column
from strategy_runtime.sdk.params import declared, resolve
from strategy_runtime.sdk.strategy import BaseStrategy


@dataclass(frozen=True)
class Result:
    setting: Setting
    terms: Terms
    instrument: Instrument
    bars: Bars
    sweep: Sweep
    ledger: Ledger
    curve: Column
    metrics: Metrics
    at_bounds: tuple[str, ...] = ()
    lacks_ticks: bool = False
    again: Again | None = None  # the first of these bars, decided once more by themselves

    @property
    def trades(self) -> tuple[Trade, ...]:
        return self.ledger.trades

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        return self.ledger.skipped

    @property
    def drawdown(self) -> Column:
        return drawdown(self.curve, float(self.terms.capital))

    def errors(self) -> Mapping[str, int]:
        """What the author's code raised, and how often."""
        return Counter(d.error.splitlines()[0] for _, d in self.sweep.decisions if d.error)

    def chance(self, *, seed: int = 1) -> Chance | None:
        return draw(self.trades, float(self.terms.capital), seed=seed)

    def _knew(self, again: Again) -> int | None:
        return first_that_knew(self.sweep.decisions, len(self.bars), again)

    def critique(self, chance: Chance | None = None) -> list[Remark]:
        return criticise(
            self.metrics,
            self.trades,
            skipped=self.skipped,
            errors=self.errors(),
            chance=chance,
            at_bounds=self.at_bounds,
            lacks_ticks=self.lacks_ticks,
            knew=None if self.again is None else self._knew(self.again),
        )


def backtest(
    kind: type[BaseStrategy],
    setting: Setting,
    bars: Bars,
    *,
    terms: Terms | None = None,
    instrument: Instrument | None = None,
    further: Mapping[str, Bars] | None = None,
    finer: Bars | None = None,
    first: int = 0,
    progress: Progress | None = None,
    ticks: Ticks | None = None,
) -> Result:
    """StrategyFailed if the strategy does not start. Bars before `first` only warm up: the result
    begins behind them.
    """
    terms = terms or Terms()
    if instrument is None:
        instrument = generic(setting.instrument, float(bars.close[0]) if len(bars) else 1.0)
    found = sweep(kind, setting, bars, further, first=first, progress=progress, ticks=ticks)
    whole = bars

    def again(count: int) -> Said:
        alone = whole.part(0, count).alone()
        closed = {name: _closed_by(some, alone) for name, some in (further or {}).items()}
        return sweep(kind, setting, alone, closed, ticks=ticks).decisions

    if first:
        found, bars = _from(found, first), bars.part(first, len(bars))
    ledger = settle(found, bars, instrument, terms, finer)
    capital = float(terms.capital)
    curve = equity(ledger.trades, bars, capital)
    values = {} if kind._open else resolve(kind, setting.parameters)
    return Result(
        setting,
        terms,
        instrument,
        bars,
        found,
        ledger,
        curve,
        measure(ledger.trades, bars, curve, capital),
        tuple(at_bounds(values, declared(kind))),
        kind.ticks and ticks is None,
        None if first else again,
    )


def _closed_by(longer: Bars, bars: Bars) -> Bars:
    """Those that had closed when the last of the others did."""
    return longer.part(0, int(longer.close_ms.searchsorted(bars.close_ms[-1], "right"))).alone()


def _from(found: Sweep, first: int) -> Sweep:
    """The same, counted from the first bar that was decided."""
    return found._replace(
        decisions=[(bar - first, decision) for bar, decision in found.decisions],
        fills=[replace(filled, bar=filled.bar - first) for filled in found.fills],
    )
