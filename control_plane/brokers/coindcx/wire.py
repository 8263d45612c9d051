"""The exact bytes of a signed request.

The venue checks the signature over the body as it arrives, so the body is written once, here, and
those bytes are signed and sent. Numbers come from `Decimal` as plain literals: no exponent, no tail
of a float.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from typing import TypeAlias
from urllib.parse import quote

from control_plane.infra.net import Request
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
    return hmac.new(secret.encode(), body, sha256).hexdigest()


def socket_signature(secret: str) -> str:
    """Constant for a secret, and so as secret as the secret."""
    return signature(secret, SOCKET_JOIN)


def signed(request: Request, credentials: Credentials, body: bytes) -> Request:
    return replace(
        request,
        headers={
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-AUTH-APIKEY": credentials.key,
            "X-AUTH-SIGNATURE": signature(credentials.secret, body),
        },
        body=body,
    )


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
            return json.dumps(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return _number(value)
        case None:
            return "null"
        case Mapping():
            return "{" + ",".join(f"{json.dumps(k)}:{_text(v)}" for k, v in value.items()) + "}"
        case _:
            return "[" + ",".join(_text(each) for each in value) + "]"


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is no amount")
    return canonical(value)
