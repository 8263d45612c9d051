"""What a venue answered, word for word but for what is nobody's business: for whoever keeps it.

Whoever asks a broker listens around the call; the broker's client tells what came. Nothing is kept
here, and where nobody listens it costs a look.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import msgspec

LONGEST = 8_000
HIDDEN = "redacted"
# Who somebody is and what opens something: neither says what became of an order.
PRIVATE = frozenset(
    {
        "api_key", "apikey", "x-auth-apikey", "x-auth-signature", "key", "secret", "signature",
        "token", "access_token", "password", "email", "phone", "mobile", "name", "first_name",
        "last_name", "pan", "user_id", "coindcx_id", "address", "ip",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """One answer to one question."""

    method: str
    path: str
    status: int
    body: bytes

    def told(self) -> str:
        """Without what is private, and no longer than anybody reads."""
        try:
            shown = msgspec.json.encode(_redacted(msgspec.json.decode(self.body))).decode()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # No document of the venue's: some proxy's page, of which the beginning tells enough.
            text = self.body[:500].decode(errors="replace")
            shown = "".join(letter for letter in text if letter.isprintable())
        return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


_listening: ContextVar[list[Said] | None] = ContextVar("slipway_replies", default=None)


@contextmanager
def listening() -> Iterator[list[Said]]:
    """All that venues answer meanwhile, in this task and those that it begins."""
    said: list[Said] = []
    before = _listening.set(said)
    try:
        yield said
    finally:
        _listening.reset(before)


def tell(method: str, path: str, status: int, body: bytes) -> None:
    said = _listening.get()
    if said is not None:
        said.append(Said(method, path, status, body))


def _redacted(value: Any) -> Any:
    match value:
        case dict():
            return {
                name: HIDDEN
                if str(name).lower() in PRIVATE and inner is not None
                else _redacted(inner)
                for name, inner in value.items()
            }
        case list():
            return [_redacted(inner) for inner in value]
        case _:
            return value
