"""From the venue's outcomes to the port's: one table, and who may believe what."""

from typing import TypeVar

from control_plane.brokers.coindcx.outcomes import Accepted, Outcome, Reason, Refused, Unknown
from control_plane.brokers.errors import (
    OrderRefused,
    OutcomeUnknown,
    RefusalReason,
    VenueUnreachable,
)

T = TypeVar("T")

REASONS: dict[Reason, RefusalReason] = {
    Reason.NOT_AUTHORISED: "forbidden",
    Reason.STALE_TIMESTAMP: "stale_timestamp",
    Reason.BAD_REQUEST: "other",
    Reason.NOT_FOUND: "unknown_order",
    Reason.NO_WALLET: "insufficient_funds",
    Reason.UNKNOWN_MARKET: "inactive",
    Reason.ORDER_TYPE: "order_type",
    Reason.TOO_SMALL: "min_quantity",
    Reason.TOO_LARGE: "max_quantity",
    Reason.TICK: "tick_size",
    Reason.STEP: "quantity_step",
    Reason.PRICE_BAND: "price_band",
    Reason.PRICE_MISSING: "other",
    Reason.MIN_NOTIONAL: "min_notional",
    Reason.NO_FUNDS: "insufficient_funds",
    Reason.OPEN_ORDERS: "other",
    Reason.DUPLICATE_CLIENT_ID: "duplicate_client_id",
    Reason.NOT_CANCELLABLE: "already_done",
    Reason.NOT_EDITABLE: "other",
    Reason.LEVERAGE: "leverage",
    Reason.POSITION_LIMIT: "leverage",
    Reason.EXIT_ONLY: "exit_only",
    Reason.INACTIVE: "inactive",
    Reason.TRIGGER_SIDE: "trigger_passed",
    Reason.STOP_EXISTS: "other",
    Reason.LIQUIDATION: "other",
    Reason.MARGIN: "other",
    Reason.UNRECOGNISED: "other",
}


def acted(outcome: Outcome[T]) -> T:
    """The value of something that was to change; or why not, or that nobody knows."""
    match outcome:
        case Accepted(value):
            return value
        case Refused():
            raise refusal(outcome)
        case Unknown():
            raise OutcomeUnknown(f"CoinDCX: {outcome.doubt}: {outcome.detail}")


def told(outcome: Outcome[T]) -> T:
    """The value of a question. A question that was refused is one without an answer."""
    match outcome:
        case Accepted(value):
            return value
        case Refused():
            raise VenueUnreachable(f"CoinDCX refuses to answer: {outcome.message}")
        case Unknown():
            raise VenueUnreachable(f"CoinDCX: {outcome.doubt}: {outcome.detail}")


def refusal(refused: Refused) -> OrderRefused:
    return OrderRefused(REASONS[refused.reason], f"CoinDCX: {refused.message}")
