"""What a venue can answer, by what its caller does next.

BrokerError
├── OrderRefused      definite: it did not happen and will not (its reason says why)
├── OutcomeUnknown    it may have happened: look it up before anything else
├── NotSent           definite: nothing left us, it may be sent again
├── VenueUnreachable  a question without an answer: proves nothing
└── Ambiguous         several orders could be the one that was looked for: a person decides
"""

from typing import Literal

from control_plane.errors import Conflict, Unavailable

RefusalReason = Literal[
    "insufficient_funds",
    "min_notional",
    "quantity_step",
    "min_quantity",
    "max_quantity",
    "tick_size",
    "price_band",
    "order_type",
    "no_short",
    "leverage",
    "duplicate_client_id",
    "stale_timestamp",
    "trigger_passed",
    "inactive",
    "exit_only",
    "no_position",
    "unknown_order",
    "already_done",
    "forbidden",
    "other",
]


class OrderRefused(Conflict):
    def __init__(self, reason: RefusalReason, what: str) -> None:
        super().__init__(what)
        self.reason: RefusalReason = reason


class OutcomeUnknown(Unavailable):
    pass


class NotSent(Unavailable):
    pass


class VenueUnreachable(Unavailable):
    pass


class Ambiguous(Conflict):
    pass


BrokerError = OrderRefused | OutcomeUnknown | NotSent | VenueUnreachable | Ambiguous
