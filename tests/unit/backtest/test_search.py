"""Searching for parameters: what is tried, in which order, and what is said of the best."""

from collections.abc import Sequence
from math import sin

import pytest

from strategy_runtime.backtest.author import Candles
from strategy_runtime.backtest.search.proposing import Method, proposer, space_for
from strategy_runtime.backtest.search.scoring import Outcome, Scorer, Task, Window, task
from strategy_runtime.backtest.search.space import BadSpace, Dimension, Space, space_of
from strategy_runtime.backtest.search.telling import heat, remarks, summary
from strategy_runtime.backtest.search.walk import (
    Found,
    Plan,
    is_isolated,
    search,
    windows,
    work,
)
from strategy_runtime.backtest.terms import Terms
from strategy_runtime.engine.engine import Setting
from strategy_runtime.sdk.bars import bars_of
from tests.candles import walk
from tests.unit.runtime.drive import FUTURE, strategy

KIND = strategy(
    """
fast: int = param(5, ge=2, le=20)
reach: float = param(1.0, gt=0, le=2)
side: str = param("both", choices=("both", "long"))
bold: bool = param(False)
free: float = param(1.0)
def on_start(self):
    if self.fast == 13:
        raise ValueError("an unlucky number")
    self.mean = self.sma(self.fast)
def on_candle(self, candle):
    if self.mean.ready and candle.close > self.mean:
        return self.long(stop_distance=candle.close * 0.01 * self.reach)
    return self.exit_long()
"""
)
PLANE = Space((Dimension("x", tuple(range(10))), Dimension("y", tuple(range(10)))))


def hill(tasks: Sequence[Task]) -> list[Outcome]:
    """Best at (7, 3), and worth less the farther away."""

    def score(t: Task) -> float:
        x, y = float(t.point["x"]), float(t.point["y"])
        return 10.0 - (x - 7) ** 2 / 5 - (y - 3) ** 2 / 5

    return [Outcome(t.point, score(t), 9, score(t) / 100) for t in tasks]


def needle(tasks: Sequence[Task]) -> list[Outcome]:
    return [
        Outcome(t.point, 10.0 if t.point == {"x": 4, "y": 4} else sin(float(t.point["x"])), 9, 0.1)
        for t in tasks
    ]


def searched(method: Method = "grid", trials: int = 100, score: object = hill) -> Found:
    plan = Plan(PLANE, method, trials, seed=3, folds=2)
    return search(plan, 1_000, score, "sharpe", lambda done: None)  # type: ignore[arg-type]


def test_bounds_at_both_ends_and_choices_are_searched() -> None:
    space, fixed = space_of(KIND, {"bold": "true"}, steps=3)

    assert {one.name: one.values for one in space.dimensions} == {
        "fast": (2, 11, 20),
        "reach": (0.1, 1.05, 2.0),
        "side": ("both", "long"),
    }
    assert (space.size, fixed) == (18, {"bold": "true"})


def test_ranges_and_lists_are_taken_as_they_are_written() -> None:
    space, fixed = space_of(
        KIND, {"fast": "4:10:3", "free": "0.5,1,2", "reach": "1", "side": "long", "bold": "no"},
        steps=5,
    )  # fmt: skip

    assert {one.name: one.values for one in space.dimensions} == {
        "fast": (4, 7, 10),
        "free": (0.5, 1.0, 2.0),
    }
    assert fixed == {"reach": "1", "side": "long", "bold": "no"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"fats": "2:5"}, "there is no parameter 'fats'; there are fast"),
        ({"fast": "1:5"}, "must be at least 2"),
        ({"fast": "9:5"}, "it is no range; write first:last"),
        ({"fast": "2:5:0"}, "it is no range"),
        ({"fast": "a,b"}, "write first:last"),
        ({"free": "0:1e9:0.001"}, "too many values"),
    ],
)
def test_what_cannot_be_searched_says_what_to_write(given: dict[str, str], words: str) -> None:
    with pytest.raises(BadSpace, match=words):
        space_of(KIND, given, steps=4)


def test_a_strategy_without_bounds_cannot_be_searched() -> None:
    with pytest.raises(BadSpace, match="no parameter has bounds at both ends"):
        space_of(strategy("a: int = param(1)\ndef on_candle(self, candle): ..."), {}, steps=4)


def test_a_grid_that_is_too_large_is_refused_with_what_would_do() -> None:
    with pytest.raises(BadSpace, match=r"the grid has 100 points, and 20 may be tried"):
        proposer("grid", PLANE, trials=20, seed=1)


def test_a_grid_takes_as_many_steps_as_it_may() -> None:
    def size(method: Method, trials: int, given: dict[str, str]) -> int:
        space, _ = space_for(KIND, given, method, trials=trials, steps=None)
        return space.size

    given = {"fast": "2,3,4", "side": "both"}  # `reach` and `bold` are searched beside `fast`
    assert size("grid", 200, given) == 3 * 33 * 2
    assert size("grid", 40, given) == 3 * 6 * 2
    assert size("grid", 1, given) == 3 * 2 * 2  # too many: refused, with what would do
    assert size("random", 40, given) == 3 * 50 * 2


@pytest.mark.parametrize("method", ["grid", "random", "optuna"])
def test_every_method_finds_the_hill(method: Method) -> None:
    found = searched(method, 100 if method == "grid" else 60)

    assert found.best is not None
    assert found.best.score is not None
    assert found.best.score > 9
    assert not found.is_isolated
    assert found == searched(method, 100 if method == "grid" else 60)


def test_optuna_learns_where_it_is_good() -> None:
    late = [one.score or 0.0 for one in searched("optuna", 60).tried[-15:]]
    drawn = [one.score or 0.0 for one in searched("random", 60).tried[-15:]]

    assert sum(late) > sum(drawn)


def test_drawn_points_differ() -> None:
    points = PLANE.drawn(50, seed=1)

    assert len({tuple(point.values()) for point in points}) == 50
    assert PLANE.drawn(50, seed=1) == points != PLANE.drawn(50, seed=2)
    assert len(PLANE.drawn(1_000, seed=1)) == 100


def test_an_isolated_peak_is_told() -> None:
    found = searched(score=needle)

    assert found.chosen == {"x": 4, "y": 4}
    assert found.is_isolated
    assert "isolated peak" in remarks(found)[0]


def test_neighbours_are_one_step_away() -> None:
    assert PLANE.neighbours({"x": 0, "y": 5}) == [
        {"x": 1, "y": 5},
        {"x": 0, "y": 4},
        {"x": 0, "y": 6},
    ]
    assert not is_isolated(Outcome({}, -1.0), [Outcome({}, -9.0)])


def test_the_search_never_sees_what_it_is_tried_on() -> None:
    seen: list[Window] = []

    def score(tasks: Sequence[Task]) -> list[Outcome]:
        seen.extend(t.window for t in tasks)
        return hill(tasks)

    found = search(Plan(PLANE, "grid", 100), 1_000, score, "sharpe", lambda done: None)

    assert (found.seen, found.unseen) == (Window(0, 700), Window(700, 1_000))
    assert set(seen) == {found.seen, found.unseen}
    assert seen.count(found.unseen) == 10


def test_a_walk_forward_tries_each_part_after_those_before() -> None:
    assert windows(1_000, 3) == [
        (Window(0, 250), Window(250, 500)),
        (Window(0, 500), Window(500, 750)),
        (Window(0, 750), Window(750, 1_000)),
    ]
    found = searched()
    assert [fold.after is not None for fold in found.folds] == [True, True]
    assert "Walking forward, 2 of 2 parts gain" in " ".join(remarks(found))
    with pytest.raises(BadSpace, match="30 folds of 32 candles are too short"):
        windows(1_000, 30)


def test_too_few_candles_are_refused() -> None:
    with pytest.raises(BadSpace, match="60 candles are too few"):
        search(Plan(PLANE, "grid", 100), 60, hill, "sharpe", lambda done: None)


def test_progress_counts_every_backtest() -> None:
    done: list[int] = []
    plan = Plan(PLANE, "grid", 100, folds=2)

    search(plan, 1_000, hill, "sharpe", done.append)

    assert sum(done) == work(plan, 1_000)


def test_the_map_shows_the_two_that_matter() -> None:
    found = searched()
    told = summary(found, PLANE, "mine")

    shown = heat(found.tried, PLANE)
    assert shown is not None
    assert {shown["across"], shown["down"]} == {"x", "y"}
    best = max(score for row in shown["scores"] for score in row)
    assert best == told["best"]["score"] == 10.0
    assert told["tried"] == 100


def test_points_are_scored_by_backtests_of_their_window() -> None:
    bars = bars_of("1m", walk(400))
    candles = Candles(bars, {}, None)
    scorer = Scorer(
        KIND,
        Setting(FUTURE, "1m", {"free": 1.0}, window=50),
        candles,
        Terms(),
        None,
        "total_return",
    )

    whole = scorer.score(task({"fast": 5}, Window(0, 400)))
    part = scorer.score(task({"fast": 5}, Window(200, 400)))
    unlucky = scorer.score(task({"fast": 13}, Window(0, 400)))
    rare = scorer.score(task({"fast": 5}, Window(0, 12)))

    assert whole.trades > part.trades > 5
    assert whole.score == whole.total_return
    assert (unlucky.score, unlucky.why) == (None, "ValueError: an unlucky number")
    assert rare.score is None
    assert "fewer than 5" in rare.why
