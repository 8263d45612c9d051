"""From the pieces that a job handed in to a result, or to what is wrong with it. Hostile bytes:
nothing is believed, nothing is unpacked beyond its bound.
"""

import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from strategy_runtime import wire
from strategy_runtime.wire import jobs as said

MAX_REMARKS = 50


@dataclass(frozen=True)
class Verified:
    """A whole result, and what lists show of it."""

    sha256: str
    body: bytes
    headline: dict[str, Any]


class BadResult(Exception):
    """What was handed in is no result of this kind."""


def verified(kind: said.Kind, pieces: list[bytes], told: said.JobDone) -> Verified:
    """The result that these pieces make. Hostile bytes: nothing is believed, nothing unpacked
    beyond its bound.
    """
    body = b"".join(pieces)
    if len(pieces) != told.n or len(body) != told.size:
        raise BadResult("Its result is not whole.")
    if len(body) > wire.MAX_RESULT_BYTES:
        raise BadResult(too_large())
    digest = sha256(body).hexdigest()
    if digest != told.sha256:
        raise BadResult("Its result is not the one that its sha256 names.")
    plain = unpacked(body)
    try:
        found = msgspec.json.decode(plain, type=said.RESULTS[kind])
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadResult(f"Its result cannot be understood: {error}.") from error
    headline = msgspec.to_builtins(found)
    if "remarks" in headline:
        headline["remarks"] = headline["remarks"][:MAX_REMARKS]
    return Verified(digest, body, headline)


def unpacked(body: bytes) -> bytes:
    """A result as it was before it was compressed; BadResult beyond the bound."""
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(body, wire.MAX_RESULT_PLAIN_BYTES)
    except zlib.error as error:
        raise BadResult(f"Its result cannot be unpacked: {error}.") from error
    if not unpacker.eof or unpacker.unused_data:
        raise BadResult(too_large())
    return plain


def too_large() -> str:
    return f"Its result is larger than {wire.MAX_RESULT_BYTES // 1024**2} MB."
