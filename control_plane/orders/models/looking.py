"""When doubt about an order ends: the rules of looking.

Looks start at once and *found* counts at once. *Absent* counts only after the settle time, only
from a successful look, and only when two of them, a while apart, agree: until then the order may
still arrive. An unreachable venue proves nothing, however often it is asked.
"""

from dataclasses import dataclass
from typing import Literal

from control_plane.orders.models.states import Event

LOOKS_NEEDED = 2
APART_SECONDS = 1.0
SLOWEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Operational times, scaled together."""

    settle_ms: int
    apart_ms: int
    quarantine_ms: int


@dataclass(frozen=True, slots=True)
class Doubt:
    leg: str
    signed_ms: int
    looks: int  # that count
    looked_ms: int | None


@dataclass(frozen=True, slots=True)
class Absence:
    """What one more successful look that found nothing comes to."""

    looks: int
    event: Event | None = None
    reason: str = ""


def is_due(doubt: Doubt, now_ms: int, patience: Patience) -> bool:
    """Often at first, then ever more slowly, and closely where two looks decide."""
    if doubt.looked_ms is None:
        return True
    settled = doubt.signed_ms + patience.settle_ms
    if doubt.looked_ms < settled <= now_ms:
        return True
    if doubt.looks:
        return now_ms - doubt.looked_ms >= patience.apart_ms
    age = now_ms - doubt.signed_ms
    slowest = int(patience.apart_ms * SLOWEST_SECONDS / APART_SECONDS)
    wait = min(max(patience.apart_ms, age // 4), slowest)
    return now_ms - doubt.looked_ms >= wait


def absent(doubt: Doubt, now_ms: int, patience: Patience) -> Absence:
    if now_ms < doubt.signed_ms + patience.settle_ms:
        return Absence(doubt.looks)
    if doubt.looks and doubt.looked_ms is not None and now_ms - doubt.looked_ms < patience.apart_ms:
        return Absence(doubt.looks)

    looks = doubt.looks + 1
    if looks < LOOKS_NEEDED:
        return Absence(looks)
    if doubt.leg == "entry":
        # A missed entry is cheaper than a doubled one.
        return Absence(looks, "abandoned", "it never reached the exchange")
    return Absence(looks, "resent", "it never reached the exchange; it goes again")


def unclear(
    doubt: Doubt, now_ms: int, patience: Patience
) -> Literal["wait", "quarantine", "alarm"]:
    """What a look without an answer comes to. A way out of a position is never given up."""
    if now_ms < doubt.signed_ms + patience.quarantine_ms:
        return "wait"
    return "quarantine" if doubt.leg == "entry" else "alarm"
