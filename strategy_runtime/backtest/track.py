"""Which of the author's lines a decision went through: where two runs part, a finding points."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from strategy_runtime.loader import FILENAME

# What makes a decision, in each style; everything else that is entered is on its way there.
DECIDING = frozenset({"on_candle", "on_tick", "on_market_data", "main"})
MAX_LINES = 20_000

Path = tuple[int, ...]


def path_of(decision: int, drive: Callable[[], object]) -> Path:
    """The lines of the `decision`th decision, counted from 0, while `drive` runs."""
    lines: list[int] = []
    count = -1

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        code = frame.f_code
        if code.co_filename != FILENAME:
            return None
        before = frame.f_back
        if code.co_name in DECIDING and (before is None or before.f_code.co_filename != FILENAME):
            count += 1
        return step if count == decision else None

    def step(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and count == decision and len(lines) < MAX_LINES:
            lines.append(frame.f_lineno)
        return step

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        drive()
    finally:
        sys.settrace(before)
    return tuple(lines)


def parting(one: Path, other: Path) -> int:
    """The last line that both went through before they part; 0 where there is none."""
    last = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        last = mine
    return last
