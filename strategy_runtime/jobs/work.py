"""What each kind of job does with its task and its candles. No IO: progress goes to a function."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from strategy_runtime.backtest.aggregate import aggregate
from strategy_runtime.backtest.author import Candles
from strategy_runtime.backtest.refusals import REFUSALS
from strategy_runtime.backtest.report import summary
from strategy_runtime.backtest.run import backtest
from strategy_runtime.backtest.search.space import BadSpace
from strategy_runtime.backtest.terms import Terms
from strategy_runtime.engine.engine import Setting
from strategy_runtime.jobs.checking import checked
from strategy_runtime.jobs.searching import Wish, searched
from strategy_runtime.loader import load
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.sdk.bars import Bars
from strategy_runtime.sdk.strategy import BaseStrategy
from strategy_runtime.wire.jobs import Task

FINEST = "1m"
CHECK_SECONDS = 170.0  # of the wall; the processor's are counted by the process itself

Say = Callable[[float, str], None]
"""How much of the work is done, and what it is about."""


class Undoable(Exception):
    """The job cannot be done, because of the code or of what was asked. Its text is shown."""


def done(task: Task, bars: Mapping[str, Bars], say: Say) -> bytes:
    """The result, as JSON."""
    try:
        match task.kind:
            case "check":
                return msgspec.json.encode(checked(task, bars[task.resolution], CHECK_SECONDS))
            case "backtest":
                return msgspec.json.encode(_backtest(task, bars, say))
            case "optimise":
                return msgspec.json.encode(_optimise(task, bars, say))
    except msgspec.ValidationError as error:
        raise Undoable(f"Its terms make no sense: {error}.") from error
    except (*REFUSALS, BadSpace) as error:
        raise Undoable(str(error).rstrip(".") + ".") from error


def setting_of(task: Task) -> Setting:
    return Setting(
        task.instrument,
        task.resolution,
        task.parameters,
        task.manifest,
        task.lookback,
        task.resolutions,
    )


def longer(task: Task, kind: type[BaseStrategy], bars: Mapping[str, Bars]) -> dict[str, Bars]:
    """The further resolutions: as they were recorded, or made of the shorter candles."""
    own = bars[task.resolution]
    wanted = {*task.resolutions, *kind.resolutions} - {task.resolution}
    return {name: bars[name] if name in bars else aggregate(own, name) for name in sorted(wanted)}


def _backtest(task: Task, bars: Mapping[str, Bars], say: Say) -> dict[str, Any]:
    own = bars[task.resolution]
    kind = load(task.code)
    whole = max(1, len(own))
    result = backtest(
        kind,
        setting_of(task),
        own,
        terms=msgspec.convert(task.terms, Terms),
        instrument=msgspec.convert(task.rules, Instrument),
        further=longer(task, kind, bars),
        finer=bars.get(FINEST) if task.resolution != FINEST else None,
        progress=lambda bar: say(0.95 * bar / whole, f"candle {bar} of {whole}"),
    )
    say(0.95, "adds it up")
    return summary(result, kind.__name__, result.chance(), curves=True)


def _optimise(task: Task, bars: Mapping[str, Bars], say: Say) -> dict[str, Any]:
    kind = load(task.code)
    finer = bars.get(FINEST) if task.resolution != FINEST else None
    candles = Candles(bars[task.resolution], longer(task, kind, bars), finer)
    terms = msgspec.convert(task.terms, Terms)
    rules = msgspec.convert(task.rules, Instrument)
    wish = msgspec.convert(task.search, Wish)
    return searched(kind, setting_of(task), candles, terms, rules, wish, say)
