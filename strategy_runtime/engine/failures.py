"""What an author reads when their code raises: their own lines, shortest path to the mistake."""

from collections import deque
from traceback import StackSummary, format_exception_only, walk_tb

MAX_FRAMES = 5
MAX_CHARACTERS = 2_000

# Exceptions of an author's code are an outcome. SystemExit too: `exit()` in a strategy is a mistake
# like any other. KeyboardInterrupt and a cancelled task are ours.
RAISED = (Exception, SystemExit)


class StrategyFailed(Exception):
    """The author's code raised. The text is for the author and holds nothing of ours."""


def explain(error: BaseException, filename: str) -> str:
    """The exception and the strategy's own lines on the way to it, the innermost last."""
    lines = [line.rstrip() for line in format_exception_only(error)]
    # A recursion has a thousand frames: only those that are shown are looked up.
    walked = walk_tb(error.__traceback__)
    own = deque((at for at in walked if at[0].f_code.co_filename == filename), MAX_FRAMES)
    for frame in StackSummary.extract(iter(own)):
        code = f": {frame.line}" if frame.line else ""
        lines.append(f"  {filename}, line {frame.lineno}, in {frame.name}{code}")
    return "\n".join(lines)[:MAX_CHARACTERS]
