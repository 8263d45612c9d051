"""A search for parameters as a job: what the author's command does, on the processors it has."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from strategy_runtime.backtest.author import typed
from strategy_runtime.backtest.report import summary as told_of
from strategy_runtime.backtest.search.proposing import Method, space_for
from strategy_runtime.backtest.search.scoring import Goal, Scorer
from strategy_runtime.backtest.search.space import BadSpace
from strategy_runtime.backtest.search.telling import summary
from strategy_runtime.backtest.search.walk import Plan, Score, search, work
from strategy_runtime.backtest.terms import Terms
from strategy_runtime.jobs.given import candles_of, setting_of
from strategy_runtime.loader import load
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.sdk.bars import Bars
from strategy_runtime.wire.jobs import Task

MOST_TRIALS_TOLD = 2_000


class Wish(Struct, frozen=True):
    """`ranges` are texts as the command takes them: `3:30:3`, `a,b`, or one value."""

    method: Method = "grid"
    goal: Goal = "sharpe"
    trials: int = 200
    steps: int | None = None
    unseen: float = 0.3
    folds: int = 0
    least_trades: int = 5
    seed: int = 1
    ranges: dict[str, str] = {}


@dataclass(frozen=True)
class Errand:
    """What is searched, and by whom a point is scored: the same in each process of a search."""

    plan: Plan
    scorer: Scorer

    @classmethod
    def of(cls, task: Task, bars: Mapping[str, Bars]) -> "Errand":
        """BadSpace if there is nothing to search, LoadError if the code is no strategy."""
        wish = msgspec.convert(task.search, Wish)
        kind, setting = load(task.code), setting_of(task)
        space, fixed = space_for(
            kind, wish.ranges, wish.method, trials=wish.trials, steps=wish.steps
        )
        values: Mapping[str, Any] = {**setting.parameters, **typed(kind, fixed)}
        kept = {name: value for name, value in values.items() if name not in space.names}
        scorer = Scorer(
            kind,
            msgspec.structs.replace(setting, parameters=kept),
            candles_of(task, kind, bars),
            msgspec.convert(task.terms, Terms),
            msgspec.convert(task.rules, Instrument),
            wish.goal,
            wish.least_trades,
        )
        plan = Plan(space, wish.method, wish.trials, wish.seed, wish.unseen, wish.folds)
        return cls(plan, scorer)


Crew = Callable[[Errand], AbstractContextManager[Score]]
"""Who scores the points of an errand."""


def searched(errand: Errand, crew: Crew, say: Callable[[float, str], None]) -> dict[str, Any]:
    """BadSpace if it is too much, or there are too few candles."""
    plan, scorer = errand.plan, errand.scorer
    bars, done = scorer.candles.bars, 0
    whole = max(1, work(plan, len(bars)))

    def told(more: int) -> None:
        nonlocal done
        done += more
        say(min(0.97, done / whole), f"{done} of about {whole} backtests")

    try:
        with crew(errand) as score:
            found = search(plan, len(bars), score, scorer.goal, told)
    except ImportError as error:
        raise BadSpace(f"the image has no {error.name}: choose grid or random") from error
    result = summary(found, plan.space, scorer.kind.__name__)
    result["trials"] = result["trials"][:MOST_TRIALS_TOLD]
    result["data_sha256"] = bars.sha256()
    say(0.97, "draws the best point")
    result["whole"] = _whole(scorer, found.chosen)
    return result


def _whole(scorer: Scorer, chosen: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The best point over all of the candles, for the report."""
    if chosen is None:
        return None
    result = scorer.over_all(chosen)
    return told_of(result, scorer.kind.__name__, result.chance(), curves=True)
