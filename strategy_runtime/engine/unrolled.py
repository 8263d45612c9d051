"""The loop of a sweep, written out for a number of lines.

It runs half a million times a backtest, and an inner loop over two indicators costs as much as half
of the strategy: so the text of the loop is made for each number of them, once. Nothing in the text
comes from anybody but this module.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from strategy_runtime.engine.failures import RAISED

# Rows of a chunk, then who is told; gives back between which prices nothing can happen.
Loop = Callable[..., tuple[float, float]]

TEXT = """
def loop(rows, lines, tape, context, on_candle, touch, conclude, show, under, over):
    {names}
    # Emptied after each decision, and never replaced.
    orders, said, metrics = context.orders, context.lines, context.metrics
    for seen, candle, low, high, close{values} in rows:
        if low <= under or high >= over:
            under, over = touch(candle, seen - 1)
        tape.end = seen
        context.price = close
        {updates}
        try:
            answer = on_candle(candle)
        except RAISED as error:
            under, over = conclude(candle, seen - 1, None, error)
        else:
            if answer is not None or orders or said or metrics or context.state:
                under, over = conclude(candle, seen - 1, answer, None)
    return under, over
"""


@lru_cache(maxsize=32)
def loop_for(count: int, *, further: bool) -> Loop:
    """The loop over rows of seen, candle, low, high, close, a value a line, and what is beside."""
    numbers = range(count)
    # What a line was stands in a name of ours: asking the line costs as much as telling it.
    updates = [
        f"line{n}.previous = before{n}; line{n}.value = before{n} = value{n}" for n in numbers
    ]
    values = [f"value{n}" for n in numbers]
    if further:
        values.append("beside")
        updates.append("show(beside)")
    text = TEXT.format(
        names="\n    ".join(
            [
                f"{', '.join(f'line{n}' for n in numbers)}, = lines" if count else "pass",
                *(f"before{n} = line{n}.value" for n in numbers),
            ]
        ),
        values="".join(f", {name}" for name in values),
        updates="\n        ".join(updates) or "pass",
    )
    space: dict[str, Any] = {"RAISED": RAISED}
    exec(compile(text, f"<a sweep over {count} lines>", "exec"), space)  # noqa: S102 - as above
    made: Loop = space["loop"]
    return made


Rows = Iterable[tuple[Any, ...]]
