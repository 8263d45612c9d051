"""What an author reads when their code raises: their own lines, shortest path to the mistake."""

from traceback import TracebackException, extract_tb

MAX_FRAMES = 5
MAX_CHARACTERS = 2_000

# Exceptions of an author's code are an outcome. SystemExit too: `exit()` in a strategy is a mistake
# like any other. KeyboardInterrupt and a cancelled task are ours.
RAISED = (Exception, SystemExit)


class StrategyFailed(Exception):
    """The author's code raised. The text is for the author and holds nothing of ours."""


def explain(error: BaseException, filename: str) -> str:
    """The exception and the strategy's own lines on the way to it, the innermost last."""
    shown = TracebackException.from_exception(error)
    lines = [line.rstrip() for line in shown.format_exception_only()]
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename == filename]
    for frame in frames[-MAX_FRAMES:]:
        code = f": {frame.line}" if frame.line else ""
        lines.append(f"  {filename}, line {frame.lineno}, in {frame.name}{code}")
    return "\n".join(lines)[:MAX_CHARACTERS]
