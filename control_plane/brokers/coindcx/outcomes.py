"""What a request came to, in three outcomes only.

*Accepted* and *Refused* need well-formed JSON in a documented form; everything else is *Unknown*:
timeouts, resets, HTML, half JSON, 429, 5xx, and a 200 that does not describe what was asked. On a
route that places, a refusal in a text that nobody has documented is unknown too unless the settings
say otherwise: it could be the refusal of a repeat, which proves that the first one arrived.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from control_plane.brokers.coindcx.document import Odd, read_json
from control_plane.brokers.coindcx.values import Row, shown
from control_plane.infra.net import Reply

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Reason(StrEnum):
    """Why the venue refused, as a fixed word; its own text is for people."""

    NOT_AUTHORISED = "not_authorised"
    STALE_TIMESTAMP = "stale_timestamp"
    BAD_REQUEST = "bad_request"
    NOT_FOUND = "not_found"
    NO_WALLET = "no_wallet"
    UNKNOWN_MARKET = "unknown_market"
    ORDER_TYPE = "order_type_not_allowed"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    TICK = "price_off_tick"
    STEP = "quantity_off_step"
    PRICE_BAND = "price_band"
    PRICE_MISSING = "price_missing"
    MIN_NOTIONAL = "min_notional"
    NO_FUNDS = "insufficient_funds"
    OPEN_ORDERS = "open_orders_limit"
    DUPLICATE_CLIENT_ID = "duplicate_client_order_id"
    NOT_CANCELLABLE = "not_cancellable"
    NOT_EDITABLE = "not_editable"
    LEVERAGE = "leverage"
    POSITION_LIMIT = "position_limit"
    EXIT_ONLY = "exit_only"
    INACTIVE = "instrument_inactive"
    TRIGGER_SIDE = "trigger_on_wrong_side"
    STOP_EXISTS = "stop_exists"
    LIQUIDATION = "would_liquidate"
    MARGIN = "margin"
    UNRECOGNISED = "unrecognised"


class Doubt(StrEnum):
    """Why nothing is known."""

    NO_ANSWER = "no_answer"
    RATE_LIMITED = "rate_limited"
    SERVER_FAULT = "server_fault"
    NOT_JSON = "not_json"
    ODD_SHAPE = "odd_shape"
    NOT_OURS = "not_ours"
    UNDOCUMENTED_REFUSAL = "undocumented_refusal"


@dataclass(frozen=True, slots=True)
class Accepted(Generic[T_co]):
    value: T_co


@dataclass(frozen=True, slots=True)
class Refused:
    reason: Reason
    message: str
    status: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    doubt: Doubt
    detail: str
    status: int = 0


Outcome = Accepted[T_co] | Refused | Unknown

# By their code first: texts are for display and change.
_CODES: dict[str, Reason] = {
    "BFF-AUTH-001": Reason.NOT_AUTHORISED,
    "OMS-VF-0001": Reason.PRICE_BAND,
    "OMS-VF-0004": Reason.TOO_SMALL,
    "OMS-VF-0006": Reason.STEP,
    "OMS-VF-0041": Reason.MIN_NOTIONAL,
    "CA1013": Reason.NO_FUNDS,
}
_TEXTS: tuple[tuple[re.Pattern[str], Reason], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (r"client.?order.?id.*(exist|taken|duplicate|unique|already)", Reason.DUPLICATE_CLIENT_ID),
        (r"duplicate", Reason.DUPLICATE_CLIENT_ID),
        (r"timestamp", Reason.STALE_TIMESTAMP),
        (r"invalid credentials|not logged in|unauthori[sz]ed", Reason.NOT_AUTHORISED),
        (r"minimum order value", Reason.MIN_NOTIONAL),
        (r"insufficient (funds|wallet|balance)", Reason.NO_FUNDS),
        (r"currency pair is not valid|invalid pair", Reason.UNKNOWN_MARKET),
        (r"order type not allowed", Reason.ORDER_TYPE),
        (r"open orders limit", Reason.OPEN_ORDERS),
        (r"cannot be cancelled", Reason.NOT_CANCELLABLE),
        (r"edit order is not available", Reason.NOT_EDITABLE),
        (r"quantity should be greater than|must be a positive number", Reason.TOO_SMALL),
        (r"quantity for (limit|market) variant orders should be less", Reason.TOO_LARGE),
        (r"price can't be empty", Reason.PRICE_MISSING),
        (
            r"price is out of permissible range|please enter a value (lower|higher)",
            Reason.PRICE_BAND,
        ),
        (r"price (should be divisible|precision)", Reason.TICK),
        (r"quantity (should be divisible|precision)", Reason.STEP),
        (r"exit-only mode", Reason.EXIT_ONLY),
        (r"max allowed position", Reason.POSITION_LIMIT),
        (r"(trigger|limit) price should be (greater|less)", Reason.TRIGGER_SIDE),
        (r"instrument is not active", Reason.INACTIVE),
        (r"leverage", Reason.LEVERAGE),
        (r"liquidation will be triggered", Reason.LIQUIDATION),
        (r"(cannot|can) (remove|change) margin|can be removed", Reason.MARGIN),
        (r"(tp|sl|stop loss|take profit) already exists", Reason.STOP_EXISTS),
        (r"wallet not found", Reason.NO_WALLET),
        (r"^(order not found|not_found)$", Reason.NOT_FOUND),
        (r"^(bad_request|invalid request\.?)$", Reason.BAD_REQUEST),
        (r"^(limit|interval|depth) must be", Reason.BAD_REQUEST),
    )
)


def reason_of(status: int, code: str, message: str) -> Reason:
    if code in _CODES and not message.lower().startswith("price precision"):
        return _CODES[code]
    for pattern, reason in _TEXTS:
        if pattern.search(message):
            return reason
    return Reason.NOT_AUTHORISED if status == 401 else Reason.UNRECOGNISED


def judge(
    reply: Reply, read: Callable[[object], T], limit: int, *, places: bool, trust_texts: bool
) -> Outcome[T]:
    """The outcome that a reply proves."""
    if reply.status == 429:
        return Unknown(Doubt.RATE_LIMITED, "too many requests", 429)
    if reply.status >= 500:
        return Unknown(Doubt.SERVER_FAULT, shown(_text(reply.body)), reply.status)
    try:
        document = read_json(reply.body, limit)
    except Odd as error:
        return Unknown(Doubt.NOT_JSON, str(error), reply.status)
    try:
        if reply.status == 200:
            return Accepted(_read(document, read))
        return _refusal(reply.status, document, places=places, trust_texts=trust_texts)
    except Odd as error:
        return Unknown(Doubt.ODD_SHAPE, shown(str(error)), reply.status)


def _read(document: object, read: Callable[[object], T]) -> T:
    if isinstance(document, dict) and document.get("status") == "error":
        raise Odd("a success that says error")
    return read(document)


def _refusal(status: int, document: object, *, places: bool, trust_texts: bool) -> Outcome[T_co]:
    if status not in {400, 401, 404, 422}:
        return Unknown(Doubt.UNDOCUMENTED_REFUSAL, f"status {status}", status)
    row = Row.of(document, "refusal")
    message = row.fields.get("message")
    if row.count("code") != status or not isinstance(message, str):
        raise Odd("the refusal is not in the documented envelope")
    if row.fields.get("status", "error") != "error":
        raise Odd("a refusal that does not say error")

    code = shown(row.fields.get("errorCode"), 40)
    reason = reason_of(status, code, message)
    if reason is Reason.UNRECOGNISED and places and not trust_texts:
        return Unknown(Doubt.UNDOCUMENTED_REFUSAL, shown(message), status)
    return Refused(reason, shown(message), status, code)


def _text(body: bytes) -> str:
    return body[:400].decode("utf-8", "replace")
