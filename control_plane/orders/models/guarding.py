"""When trading stops by itself, and when it may go on by itself: what the last minutes of a venue,
an account, a deployment and a market look like. Pure.

What only somebody who looks can judge (refusals, doubt, books, a rush of orders) waits for a
person. What can be seen to be over (clocks, prices) goes on by itself, after a while of that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ORDERS_JUDGED = 50
MOST_REFUSED = 0.2
MOST_IN_DOUBT = 5
SKEW_TOLD_MS = 2_000
MOST_SKEW_MS = 5_000
SKEW_FRESH_MS = 1_800_000  # keys are tested every quarter of an hour
RUSH_MS = 60_000
RUSH = 2  # times what subscriptions call for
LEAST_RUSH = 10  # entries in a minute that are no rush of anybody's
OVER_MS = {"clock": 60_000, "stale": 10_000}

Cause = Literal["", "refused", "doubt", "books", "rush", "clock", "stale"]
"""Of a halt; none is a person's."""

LIFTS_ITSELF: frozenset[str] = frozenset(OVER_MS)


@dataclass(frozen=True, slots=True)
class Reason:
    cause: Cause
    what: str


@dataclass(frozen=True, slots=True)
class Record:
    """A venue's last orders, newest first: whether it refused each; and how many are in doubt."""

    refused: Sequence[bool]
    in_doubt: int


def why_halt(record: Record) -> Reason | None:
    """The reason, if entries at this venue have to wait for a person."""
    if record.in_doubt > MOST_IN_DOUBT:
        return Reason("doubt", f"the fate of {record.in_doubt} orders is not known")
    judged = record.refused[:ORDERS_JUDGED]
    refused = sum(judged)
    if len(judged) == ORDERS_JUDGED and refused > MOST_REFUSED * ORDERS_JUDGED:
        return Reason("refused", f"{refused} of the last {ORDERS_JUDGED} orders were refused")
    return None


def why_clock(skew_ms: int | None) -> Reason | None:
    """The venue's clock less ours; none is unknown, and no reason."""
    if skew_ms is None or abs(skew_ms) <= MOST_SKEW_MS:
        return None
    return Reason("clock", f"its clock is {skew_ms / 1000:+.1f} s from ours")


def clock_is_right(skew_ms: int | None) -> bool:
    """Unknown is not right: what was wrong stays so until an answer says otherwise."""
    return skew_ms is not None and abs(skew_ms) <= SKEW_TOLD_MS


def why_stale(behind_ms: int | None, why: str, allowed_ms: int) -> Reason | None:
    """For how long a market has been behind; none is not at all."""
    if behind_ms is None or behind_ms < allowed_ms:
        return None
    return Reason("stale", f"{why}, for {behind_ms // 1000} s")


def why_rush(entries: int, subscriptions: int, triggers_a_minute: float) -> Reason | None:
    """Each subscription enters once a trigger at most: twice that in a minute is a machine that
    runs wild.
    """
    usual = subscriptions * max(1.0, triggers_a_minute)
    if entries <= max(LEAST_RUSH, RUSH * usual):
        return None
    return Reason("rush", f"{entries} entries left within a minute, {usual:g} are usual")
