"""The life of an intent and of an order: one table of (state, event) to state.

What is not in the table does not happen. A terminal state changes in two cases only: an order that
was proved absent and shows up after all is followed like any other, and a person says what became
of a quarantined one. Events that a venue may really send out of order (a fill before the
acceptance) are in the table on purpose.
"""

from collections.abc import Mapping
from typing import Literal

State = Literal[
    "PLANNED",
    "DENIED",
    "READY",
    "SENDING",
    "UNKNOWN",
    "OPEN",
    "PARTIAL",
    "CANCELLING",
    "FILLED",
    "CANCELLED",
    "REJECTED",
    "EXPIRED",
    "ABANDONED",
    "QUARANTINED",
]
Event = Literal[
    "permitted",  # the risk decision lets it go
    "denied",
    "expired",
    "released",  # written ahead, about to be sent
    "held_back",  # it did not leave us after all
    "accepted",
    "refused",
    "lost",  # no answer, or its sender died
    "part_filled",
    "filled",
    "cancel_asked",
    "cancelled",
    "repriced",  # cancelled, and its rest goes out again at another price
    "resent",  # proved absent, and may go again
    "abandoned",  # proved absent, and does not
    "quarantined",
    "found_by_hand",  # a person looked: this is the order
    "absent_by_hand",  # a person looked: there is none
]

TERMINAL: frozenset[State] = frozenset(
    {"DENIED", "FILLED", "CANCELLED", "REJECTED", "EXPIRED", "ABANDONED", "QUARANTINED"}
)
DOUBT: frozenset[State] = frozenset({"SENDING", "UNKNOWN"})
AT_VENUE: frozenset[State] = frozenset({"OPEN", "PARTIAL", "CANCELLING"})
UNSENT: frozenset[State] = frozenset({"PLANNED", "READY"})

TABLE: Mapping[tuple[State, Event], State] = {
    ("PLANNED", "permitted"): "READY",
    ("PLANNED", "denied"): "DENIED",
    ("PLANNED", "expired"): "EXPIRED",
    ("READY", "denied"): "DENIED",
    ("READY", "expired"): "EXPIRED",
    ("READY", "released"): "SENDING",
    ("SENDING", "held_back"): "READY",
    ("SENDING", "accepted"): "OPEN",
    ("SENDING", "refused"): "REJECTED",
    ("SENDING", "lost"): "UNKNOWN",
    ("SENDING", "part_filled"): "PARTIAL",
    ("SENDING", "filled"): "FILLED",
    ("UNKNOWN", "accepted"): "OPEN",
    ("UNKNOWN", "refused"): "REJECTED",
    ("UNKNOWN", "part_filled"): "PARTIAL",
    ("UNKNOWN", "filled"): "FILLED",
    ("UNKNOWN", "cancelled"): "CANCELLED",
    ("UNKNOWN", "resent"): "READY",
    ("UNKNOWN", "abandoned"): "ABANDONED",
    ("UNKNOWN", "quarantined"): "QUARANTINED",
    ("OPEN", "accepted"): "OPEN",
    ("OPEN", "refused"): "REJECTED",
    ("OPEN", "part_filled"): "PARTIAL",
    ("OPEN", "filled"): "FILLED",
    ("OPEN", "cancel_asked"): "CANCELLING",
    ("OPEN", "cancelled"): "CANCELLED",
    ("OPEN", "repriced"): "READY",
    ("PARTIAL", "accepted"): "PARTIAL",
    ("PARTIAL", "part_filled"): "PARTIAL",
    ("PARTIAL", "filled"): "FILLED",
    ("PARTIAL", "cancel_asked"): "CANCELLING",
    ("PARTIAL", "cancelled"): "CANCELLED",
    ("PARTIAL", "repriced"): "READY",
    ("CANCELLING", "accepted"): "CANCELLING",
    ("CANCELLING", "part_filled"): "CANCELLING",
    ("CANCELLING", "filled"): "FILLED",
    ("CANCELLING", "cancel_asked"): "CANCELLING",
    ("CANCELLING", "cancelled"): "CANCELLED",
    ("CANCELLING", "refused"): "REJECTED",
    ("CANCELLING", "repriced"): "READY",
    ("ABANDONED", "accepted"): "OPEN",
    ("ABANDONED", "part_filled"): "PARTIAL",
    ("ABANDONED", "filled"): "FILLED",
    ("ABANDONED", "cancelled"): "CANCELLED",
    ("QUARANTINED", "found_by_hand"): "OPEN",
    ("QUARANTINED", "absent_by_hand"): "ABANDONED",
}


def after(state: State, event: Event) -> State | None:
    """The next state; None where the event does not count."""
    return TABLE.get((state, event))


def is_terminal(state: str) -> bool:
    return state in TERMINAL


def of_venue(state: str, filled: bool) -> Event:
    """What a venue's word for an order means for ours."""
    match state:
        case "filled":
            return "filled"
        case "cancelled":
            return "cancelled"
        case "rejected":
            return "refused"
        case _:
            return "part_filled" if filled else "accepted"
