"""Scoring on every core: each process loads the strategy and the candles once."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strategy_runtime.backtest.search.scoring import Outcome, Scorer, Task

# What one process of the pool scores with; a pool's tasks can hand nothing else over.
_SCORER: "list[Scorer]" = []


@contextmanager
def scoring(
    recipe: tuple[Any, ...], jobs: int
) -> "Iterator[Callable[[Sequence[Task]], list[Outcome]]]":
    """`recipe` is what `Scorer.of` takes."""
    if jobs == 1:
        from strategy_runtime.backtest.search.scoring import Scorer

        scorer = Scorer.of(*recipe)
        yield lambda tasks: [scorer.score(task) for task in tasks]
        return
    # Spawned, not forked: NumPy's threads do not live through a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, _begin, recipe)
    try:
        yield lambda tasks: list(pool.map(_score, tasks))
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(*recipe: Any) -> None:
    from strategy_runtime.backtest.search.scoring import Scorer

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asked
    _SCORER[:] = [Scorer.of(*recipe)]


def _score(task: "Task") -> "Outcome":
    return _SCORER[0].score(task)
