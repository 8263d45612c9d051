"""When trading stops by itself: what a venue's or an account's last minutes look like. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

ORDERS_JUDGED = 50
MOST_REFUSED = 0.2
MOST_IN_DOUBT = 5


@dataclass(frozen=True, slots=True)
class Record:
    """A venue's last orders, newest first: whether it refused each; and how many are in doubt."""

    refused: Sequence[bool]
    in_doubt: int


def why_halt(record: Record) -> str | None:
    """The reason, if entries at this venue have to wait for a person."""
    if record.in_doubt > MOST_IN_DOUBT:
        return f"the fate of {record.in_doubt} orders is not known"
    judged = record.refused[:ORDERS_JUDGED]
    refused = sum(judged)
    if len(judged) == ORDERS_JUDGED and refused > MOST_REFUSED * ORDERS_JUDGED:
        return f"{refused} of the last {ORDERS_JUDGED} orders were refused"
    return None
