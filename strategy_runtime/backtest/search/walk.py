"""A search, from the first point to what is left of it on candles that it has not seen."""

from collections.abc import Callable, Sequence
from statistics import median

from msgspec import Struct

from strategy_runtime.backtest.search.proposing import BATCH, Method, proposer
from strategy_runtime.backtest.search.scoring import Outcome, Task, Window, task
from strategy_runtime.backtest.search.space import BadSpace, Space
from strategy_runtime.sdk.params import Value

TOP = 10
ISOLATED = 0.5  # of the best score: neighbours below that make a peak of it
LEAST_CANDLES = 50  # a window of fewer tells nothing

# Scores tasks, in their order, on however many processes.
Score = Callable[[Sequence[Task]], list[Outcome]]
Told = Callable[[int], None]


class Plan(Struct, frozen=True):
    space: Space
    method: Method
    trials: int
    seed: int = 1
    unseen: float = 0.3  # the share of the candles, the last, that the search does not see
    folds: int = 0  # of a walk forward; 0 is none


class Fold(Struct, frozen=True):
    """Searched on one window, tried on the next."""

    seen: Window
    unseen: Window
    best: Outcome | None
    after: Outcome | None


class Found(Struct, frozen=True):
    goal: str
    tried: tuple[Outcome, ...]
    best: Outcome | None
    seen: Window
    unseen: Window
    after: tuple[tuple[Outcome, Outcome], ...]  # the best, each with what it did unseen
    neighbours: tuple[Outcome, ...]
    is_isolated: bool
    folds: tuple[Fold, ...]

    @property
    def chosen(self) -> dict[str, Value] | None:
        return None if self.best is None else self.best.point


def work(plan: Plan, candles: int) -> int:
    """About how many backtests it takes, for a progress bar."""
    trials = min(plan.trials, plan.space.size) if plan.method != "optuna" else plan.trials
    return trials * (1 + plan.folds) + TOP + 2 * len(plan.space.dimensions) + plan.folds


def search(plan: Plan, candles: int, score: Score, goal: str, told: Told) -> Found:
    """BadSpace where there are too few candles for what was asked."""
    cut = int(candles * (1.0 - plan.unseen))
    seen, unseen = Window(0, cut), Window(cut, candles)
    if cut < LEAST_CANDLES or (plan.unseen and candles - cut < LEAST_CANDLES):
        raise BadSpace(f"{candles:,} candles are too few to search on: bring more")
    tried = _searched(plan, seen, score, told)
    ranked = ranking(tried)
    best = ranked[0] if ranked else None
    after = _counted(score, [task(one.point, unseen) for one in ranked[:TOP]], told)
    around: list[Outcome] = []
    if best is not None:
        near = [task(point, seen) for point in plan.space.neighbours(best.point)]
        around = _counted(score, near, told)
    return Found(
        goal,
        tuple(tried),
        best,
        seen,
        unseen,
        tuple(zip(ranked[:TOP], after, strict=True)),
        tuple(around),
        best is not None and is_isolated(best, around),
        tuple(_walk(plan, candles, score, told)),
    )


def ranking(tried: Sequence[Outcome]) -> list[Outcome]:
    """The best first; of equals the one that was tried first."""
    return sorted(
        (one for one in tried if one.score is not None), key=lambda one: -(one.score or 0.0)
    )


def is_isolated(best: Outcome, neighbours: Sequence[Outcome]) -> bool:
    """A step aside loses most of it: that is chance, not skill."""
    if best.score is None or best.score <= 0 or not neighbours:
        return False
    around = median(one.score if one.score is not None else 0.0 for one in neighbours)
    return around < best.score * ISOLATED


def windows(candles: int, folds: int) -> list[tuple[Window, Window]]:
    """Each fold is searched on all that lies before it, and tried on its own part."""
    size = candles // (folds + 1)
    if size < LEAST_CANDLES:
        raise BadSpace(f"{folds} folds of {size} candles are too short: take fewer, or more days")
    starts = [size * number for number in range(1, folds + 1)]
    return [(Window(0, start), Window(start, start + size)) for start in starts]


def _walk(plan: Plan, candles: int, score: Score, told: Told) -> list[Fold]:
    folds = []
    for seen, unseen in windows(candles, plan.folds) if plan.folds else ():
        ranked = ranking(_searched(plan, seen, score, told))
        best = ranked[0] if ranked else None
        after = None if best is None else _counted(score, [task(best.point, unseen)], told)[0]
        folds.append(Fold(seen, unseen, best, after))
    return folds


def _searched(plan: Plan, window: Window, score: Score, told: Told) -> list[Outcome]:
    asking = proposer(plan.method, plan.space, trials=plan.trials, seed=plan.seed)
    known: dict[tuple[Value, ...], Outcome] = {}
    tried = []
    while points := asking.ask(BATCH):
        fresh = [point for point in points if tuple(point.values()) not in known]
        unique = list({tuple(point.values()): point for point in fresh}.values())
        for outcome in score([task(point, window) for point in unique]):
            known[tuple(outcome.point.values())] = outcome
            tried.append(outcome)
        for point in points:
            asking.tell(point, known[tuple(point.values())].score)
        told(len(points))
    return tried


def _counted(score: Score, tasks: list[Task], told: Told) -> list[Outcome]:
    found = score(tasks) if tasks else []
    told(len(tasks))
    return found
