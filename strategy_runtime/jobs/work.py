"""What each kind of job does with its task and its candles. No IO: progress goes to a function."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from strategy_runtime.backtest.refusals import REFUSALS
from strategy_runtime.backtest.report import summary
from strategy_runtime.backtest.run import backtest
from strategy_runtime.backtest.search.space import BadSpace
from strategy_runtime.backtest.terms import Terms
from strategy_runtime.jobs.checking import checked
from strategy_runtime.jobs.crew import HandLost
from strategy_runtime.jobs.given import candles_of, setting_of
from strategy_runtime.jobs.searching import Crew, Errand, searched
from strategy_runtime.loader import load
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.sdk.bars import Bars
from strategy_runtime.wire.jobs import Task

CHECK_SECONDS = 170.0  # of the wall; the processor's are counted by the process itself

Say = Callable[[float, str], None]
"""How much of the work is done, and what it is about."""


class Undoable(Exception):
    """The job cannot be done, because of the code or of what was asked. Its text is shown."""


def done(task: Task, bars: Mapping[str, Bars], say: Say, crew: Crew) -> bytes:
    """The result, as JSON."""
    try:
        match task.kind:
            case "check":
                return msgspec.json.encode(checked(task, bars[task.resolution], CHECK_SECONDS))
            case "backtest":
                return msgspec.json.encode(_backtest(task, bars, say))
            case "optimise":
                return msgspec.json.encode(searched(Errand.of(task, bars), crew, say))
    except msgspec.ValidationError as error:
        raise Undoable(f"Its terms make no sense: {error}.") from error
    except (*REFUSALS, BadSpace, HandLost) as error:
        raise Undoable(str(error).rstrip(".") + ".") from error


def _backtest(task: Task, bars: Mapping[str, Bars], say: Say) -> dict[str, Any]:
    kind = load(task.code)
    candles = candles_of(task, kind, bars)
    whole = max(1, len(candles.bars))
    result = backtest(
        kind,
        setting_of(task),
        candles.bars,
        terms=msgspec.convert(task.terms, Terms),
        instrument=msgspec.convert(task.rules, Instrument),
        further=candles.further,
        finer=candles.finer,
        progress=lambda bar: say(0.95 * bar / whole, f"candle {bar} of {whole}"),
    )
    say(0.95, "adds it up")
    return summary(result, kind.__name__, result.chance(), curves=True)
