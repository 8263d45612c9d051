"""The exact bytes of a signed request.

The venue checks the signature over the body as it arrives, so the body is written once, here, and
those bytes are signed and sent. Numbers come from `Decimal` as plain literals: no exponent, no tail
of a float.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from json.encoder import encode_basestring_ascii as quoted
from typing import TypeAlias
from urllib.parse import quote

from strategy_runtime.rules.money import canonical

# What JSON can hold, with exact numbers only.
Value: TypeAlias = "str | int | bool | Decimal | Mapping[str, Value] | Sequence[Value] | None"

SOCKET_JOIN = b'{"channel":"coindcx"}'


@dataclass(frozen=True)
class Credentials:
    """A key that is never shown, logged or compared by its text."""

    key: str = field(repr=False)
    secret: str = field(repr=False)


def body_of(fields: Mapping[str, Value]) -> bytes:
    return _text(fields).encode()


def signature(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), body, "sha256").hex()


def socket_signature(secret: str) -> str:
    """Constant for a secret, and so as secret as the secret."""
    return signature(secret, SOCKET_JOIN)


def headers(credentials: Credentials, body: bytes) -> dict[str, str]:
    return {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "X-AUTH-APIKEY": credentials.key,
        "X-AUTH-SIGNATURE": signature(credentials.secret, body),
    }


def query(parameters: Mapping[str, Value]) -> str:
    """A query string; nothing that a caller passes can add a parameter or a path."""
    parts = (
        f"{quote(key, safe='[]')}={quote(_plain(value), safe='')}"
        for key, value in parameters.items()
        if value is not None
    )
    joined = "&".join(parts)
    return f"?{joined}" if joined else ""


def _plain(value: Value) -> str:
    return canonical(value) if isinstance(value, Decimal) else str(value)


def _text(value: Value) -> str:
    match value:
        case str():
            return quoted(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return _number(value)
        case None:
            return "null"
        case Mapping():
            return "{" + ",".join([f"{quoted(k)}:{_text(v)}" for k, v in value.items()]) + "}"
        case _:
            return "[" + ",".join(_text(each) for each in value) + "]"


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is no amount")
    return canonical(value)
