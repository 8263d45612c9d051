"""A search for parameters as a job: what the author's command does, on one processor."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from strategy_runtime.backtest.author import Candles, typed
from strategy_runtime.backtest.search.proposing import Method, usual_steps
from strategy_runtime.backtest.search.scoring import Goal, Scorer
from strategy_runtime.backtest.search.space import BadSpace, space_of
from strategy_runtime.backtest.search.telling import summary
from strategy_runtime.backtest.search.walk import Plan, search, work
from strategy_runtime.backtest.terms import Terms
from strategy_runtime.engine.engine import Setting
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.sdk.strategy import BaseStrategy

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


def searched(
    kind: type[BaseStrategy],
    setting: Setting,
    candles: Candles,
    terms: Terms,
    instrument: Instrument,
    wish: Wish,
    say: Callable[[float, str], None],
) -> dict[str, Any]:
    """BadSpace if there is nothing to search, or too much."""
    rough, _ = space_of(kind, wish.ranges, steps=2)
    usual = usual_steps(wish.method, len(rough.dimensions), wish.trials)
    space, fixed = space_of(kind, wish.ranges, steps=wish.steps or usual)
    values: Mapping[str, Any] = {**setting.parameters, **typed(kind, fixed)}
    kept = {name: value for name, value in values.items() if name not in space.names}
    setting = msgspec.structs.replace(setting, parameters=kept)
    scorer = Scorer(kind, setting, candles, terms, instrument, wish.goal, wish.least_trades)
    plan = Plan(space, wish.method, wish.trials, wish.seed, wish.unseen, wish.folds)
    count, whole, done = len(candles.bars), 1, 0

    def told(more: int) -> None:
        nonlocal done
        done += more
        say(min(0.99, done / whole), f"{done} of about {whole} backtests")

    whole = max(1, work(plan, count))
    try:
        found = search(
            plan, count, lambda tasks: [scorer.score(one) for one in tasks], wish.goal, told
        )
    except ImportError as error:
        raise BadSpace(f"the image has no {error.name}: choose grid or random") from error
    result = summary(found, space, kind.__name__)
    result["trials"] = result["trials"][:MOST_TRIALS_TOLD]
    result["data_sha256"] = candles.bars.sha256()
    return result
