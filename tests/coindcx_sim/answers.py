"""How the venue answers: bodies, refusals, and what the network does with them."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import msgspec

_NUMBERS = msgspec.json.Encoder(decimal_format="number")
_TEXTS = msgspec.json.Encoder(decimal_format="string")

Fate = Literal["sent", "hung", "reset"]


@dataclass(frozen=True, slots=True)
class SimRequest:
    method: str
    path: str
    query: str
    key: str
    signature: str
    body: bytes
    address: str = "127.0.0.1"


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    delay_ms: int = 0
    fate: Fate = "sent"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Late:
    """The request is still on its way: hand it in again at `at_ms`."""

    request: SimRequest
    at_ms: int


class Refusal(Exception):
    def __init__(self, status: int, message: str, code: str = "", **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"code": status, "message": message, "status": "error", **extra}
        if code:
            self.body["errorCode"] = code


def not_found() -> Refusal:
    return Refusal(404, "not_found")


def invalid(message: str = "Invalid Request") -> Refusal:
    return Refusal(422, message)


def encoded(value: Any, *, as_text: bool = False) -> bytes:
    return (_TEXTS if as_text else _NUMBERS).encode(value)


def plain(value: Decimal) -> str:
    """As the venue prints a number inside a sentence: at least one decimal."""
    text = f"{value.normalize():f}"
    return text if "." in text else f"{text}.0"


HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>"
