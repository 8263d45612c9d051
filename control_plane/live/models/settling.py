"""In which order numbered rows can be believed to be complete.

PostgreSQL draws a row's number before the row commits, so a lower number can appear after a higher
one; a number whose transaction was given up never appears. A missing number is waited for until
every transaction that could hold it has ended. SQLite has one writer: nothing is ever missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

NOTICE_SECONDS = 0.25  # in which a transaction that drew a number has an id for certain
GIVE_UP_SECONDS = 60.0  # somebody's transaction hangs: everybody else's events are worth more


@dataclass(frozen=True)
class Horizon:
    """The oldest transaction that still ran before the rows were read, and the next one to begin
    after that.
    """

    oldest: int
    next: int


@dataclass(frozen=True)
class Gap:
    """Numbers below `upto` are missing. Once all transactions before `horizon` have ended, they
    will be for ever.
    """

    upto: int
    since: float
    horizon: int | None = None

    def is_over(self, seen: Horizon, now: float) -> bool:
        ended = self.horizon is not None and seen.oldest >= self.horizon
        return ended or now - self.since > GIVE_UP_SECONDS


def settled(
    position: int, numbers: Sequence[int], gap: Gap | None, seen: Horizon | None, now: float
) -> tuple[int, Gap | None]:
    """How many of the rows after a position may be shown, and what is missing behind them."""
    if seen is None:
        return len(numbers), None
    closed_below = gap.upto if gap is not None and gap.is_over(seen, now) else 0
    for count, number in enumerate(numbers):
        if number != position + 1 and number > closed_below:
            return count, _noticed(gap if not closed_below else None, numbers[-1], seen, now)
        position = number
    return len(numbers), None


def _noticed(gap: Gap | None, newest: int, seen: Horizon, now: float) -> Gap:
    if gap is None:
        return Gap(newest, now)
    if gap.horizon is None and now - gap.since >= NOTICE_SECONDS:
        return replace(gap, horizon=seen.next)
    return gap
