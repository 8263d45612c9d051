"""Who says which point is tried next. All of them are seeded and do not depend on how many
processes there are: they are asked for `BATCH` points at a time.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from strategy_runtime.backtest.search.space import BadSpace, Point, Space, space_of
from strategy_runtime.sdk.strategy import BaseStrategy

BATCH = 8
MOST_STEPS = 50
Method = Literal["grid", "random", "optuna"]


class Proposer(Protocol):
    def ask(self, count: int) -> list[Point]:
        """The next ones, at most so many; none when there are no more."""

    def tell(self, point: Point, score: float | None) -> None:
        """What it was worth; None where it could not be told."""


class Listed:
    """All points of a list, in order: a grid, or points drawn before."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = list(points)
        self._next = 0

    def ask(self, count: int) -> list[Point]:
        some = self._points[self._next : self._next + count]
        self._next += len(some)
        return some

    def tell(self, point: Point, score: float | None) -> None:
        """A list does not learn."""


class Learning:
    """Optuna's tree of Parzen estimators: tries more where it was good."""

    def __init__(self, space: Space, trials: int, seed: int) -> None:
        import optuna  # a second and 40 MB, for those who ask

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = space
        self._left = trials
        self._waiting: list[tuple[Point, Any]] = []
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(20, trials // 4 + 1))
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        # By place: a step in any parameter is a step, whatever its unit.
        self._places: dict[str, Any] = {
            one.name: optuna.distributions.IntDistribution(0, len(one.values) - 1)
            if one.is_number
            else optuna.distributions.CategoricalDistribution(list(range(len(one.values))))
            for one in space.dimensions
        }

    def ask(self, count: int) -> list[Point]:
        asked = []
        for _ in range(min(count, self._left)):
            trial = self._study.ask(self._places)
            point = self._space.at([trial.params[name] for name in self._space.names])
            self._waiting.append((point, trial))
            asked.append(point)
        self._left -= len(asked)
        return asked

    def tell(self, point: Point, score: float | None) -> None:
        import optuna

        index = next(n for n, (waiting, _) in enumerate(self._waiting) if waiting == point)
        _, trial = self._waiting.pop(index)
        failed = optuna.trial.TrialState.FAIL
        self._study.tell(trial, score, state=failed if score is None else None)


def proposer(method: Method, space: Space, *, trials: int, seed: int) -> Proposer:
    match method:
        case "grid":
            if space.size > trials:
                raise BadSpace(
                    f"the grid has {space.size:,} points, and {trials:,} may be tried: take fewer "
                    "--steps, more --trials, fix parameters with -p name=value, or --method random"
                )
            return Listed(list(space.points()))
        case "random":
            return Listed(space.drawn(trials, seed))
        case "optuna":
            return Learning(space, trials, seed)


def space_for(
    kind: type[BaseStrategy],
    given: Mapping[str, str],
    method: Method,
    *,
    trials: int,
    steps: int | None,
) -> tuple[Space, dict[str, str]]:
    """What is searched, and what was given as one value. Where `steps` are unsaid, a parameter has
    as many values as a grid of all of them may have.
    """
    if steps is not None:
        return space_of(kind, given, steps=steps)
    found = space_of(kind, given, steps=MOST_STEPS)
    for fewer in range(MOST_STEPS - 1, 1, -1) if method == "grid" else ():
        if found[0].size <= trials:
            break
        found = space_of(kind, given, steps=fewer)
    return found
