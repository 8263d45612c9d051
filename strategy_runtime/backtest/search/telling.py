"""A search as plain values: for JSON, a report, and a table of the platform's."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from strategy_runtime.backtest.search.scoring import Outcome
from strategy_runtime.backtest.search.space import Dimension, Space
from strategy_runtime.backtest.search.walk import Found, ranking

MOST_CELLS = 24


def summary(found: Found, space: Space, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "goal": found.goal,
        "parameters": [{"name": one.name, "values": list(one.values)} for one in space.dimensions],
        "tried": len(found.tried),
        "best": _plain(found.best),
        "seen": msgspec.to_builtins(found.seen),
        "unseen": msgspec.to_builtins(found.unseen),
        "top": [{"seen": _plain(one), "unseen": _plain(after)} for one, after in found.after],
        "neighbours": [_plain(one) for one in found.neighbours],
        "is_isolated": found.is_isolated,
        "folds": [msgspec.to_builtins(fold) for fold in found.folds],
        "remarks": remarks(found),
        "map": heat(found.tried, space),
        "trials": [_plain(one) for one in found.tried],
    }


def remarks(found: Found) -> list[str]:
    """What a careful reader would say about it."""
    said = []
    if found.best is None:
        reasons = sorted({one.why for one in found.tried if one.why})
        return [f"No point could be scored: {reasons[0] if reasons else 'nothing was tried'}."]
    if found.best.total_return <= 0:
        said.append("Even the best point loses on the candles that it was chosen on.")
    if found.is_isolated:
        said.append(
            "The best point is an isolated peak: a step aside loses most of it. Take it for chance."
        )
    if found.after:
        first = found.after[0][1]
        if first.total_return < 0 < found.best.total_return:
            said.append(
                f"On candles that the search had not seen, the best point returns "
                f"{first.total_return:.1%} instead of {found.best.total_return:.1%}."
            )
        gains = [after.total_return > 0 for _, after in found.after]
        if len(gains) > 3 and sum(gains) < len(gains) / 2:
            said.append(f"{len(gains) - sum(gains)} of the {len(gains)} best lose money unseen.")
    if found.folds:
        made = [fold.after.total_return for fold in found.folds if fold.after is not None]
        whole = float(np.prod([1.0 + gain for gain in made])) - 1.0
        won = sum(gain > 0 for gain in made)
        said.append(
            f"Walking forward, {won} of {len(found.folds)} parts gain; together they return "
            f"{whole:.1%}."
        )
    said.append(f"{len(found.tried)} points were tried: the more, the luckier the best one is.")
    return said


def heat(tried: Sequence[Outcome], space: Space) -> dict[str, Any] | None:
    """The two parameters that matter most, and the best score at each pair of their values."""
    numbers = [one for one in space.dimensions if len(one.values) > 1]
    ranked = ranking(tried)
    if len(numbers) < 2 or not ranked:
        return None
    across, down = sorted(numbers, key=lambda one: -_matters(one, ranked))[:2]
    columns, rows = _cells(across), _cells(down)
    best: list[list[float | None]] = [[None] * len(columns) for _ in rows]
    for one in ranked:
        x = _cell(across, one, len(columns))
        y = _cell(down, one, len(rows))
        if best[y][x] is None:
            best[y][x] = one.score
    return {
        "across": across.name,
        "down": down.name,
        "columns": columns,
        "rows": rows,
        "scores": best,
    }


def _matters(dimension: Dimension, tried: Sequence[Outcome]) -> float:
    """How far the mean scores of its values lie apart."""
    groups: dict[int, list[float]] = {}
    for one in tried:
        if one.score is not None:
            groups.setdefault(dimension.place(one.point[dimension.name]), []).append(one.score)
    return float(np.std([np.mean(scores) for scores in groups.values()]))


def _cells(dimension: Dimension) -> list[Any]:
    """Its values; where there are too many, the first of each group."""
    count = min(len(dimension.values), MOST_CELLS)
    return [dimension.values[n * len(dimension.values) // count] for n in range(count)]


def _cell(dimension: Dimension, one: Outcome, count: int) -> int:
    at = dimension.place(one.point[dimension.name])
    return min(count - 1, at * count // len(dimension.values))


def _plain(one: Outcome | None) -> dict[str, Any] | None:
    return None if one is None else msgspec.to_builtins(one)
