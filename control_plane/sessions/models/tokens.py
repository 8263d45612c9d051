"""Secrets that we hand out: each begins with what it is, and only its digest is kept."""

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

from control_plane.core.ids import Rng, UserId

API_PREFIX = "slt_"  # a personal API token; scanners and people recognise it
TICKET = "ticket."  # before one that a browser offers among its protocols
SECRET_BYTES = 32

EMAIL = re.compile(r"[^@\s\x00-\x1f<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250})")


@dataclass(frozen=True)
class ApiToken:
    id: str
    user_id: UserId
    name: str
    hint: str
    scopes: tuple[str, ...]
    created_ms: int
    expires_ms: int
    used_ms: int | None = None


def secret(rng: Rng, prefix: str = "") -> str:
    return prefix + urlsafe_b64encode(rng.bytes(SECRET_BYTES)).decode().rstrip("=")


def digest(text: str) -> str:
    """Enough for what was drawn at random: nobody guesses 256 bits, so no slow hash is needed."""
    return sha256(text.encode()).hexdigest()


def is_email(text: str) -> bool:
    return len(text) <= 254 and EMAIL.fullmatch(text) is not None and ".." not in text
