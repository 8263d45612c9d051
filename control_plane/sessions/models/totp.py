"""Six digits that change every half minute (RFC 6238), each good for one sign-in."""

import hmac
import struct
from base64 import b32encode
from urllib.parse import quote

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
AROUND = 1  # a clock may be one step off, either way


def code(secret: bytes, step: int) -> str:
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_at(seconds: int) -> int:
    return seconds // STEP_SECONDS


def matching_step(secret: bytes, given: str, seconds: int, after: int) -> int | None:
    """The step whose code this is, if it is later than the last one that was used."""
    found = None
    for step in range(step_at(seconds) - AROUND, step_at(seconds) + AROUND + 1):
        if hmac.compare_digest(code(secret, step).encode(), given.encode()) and step > after:
            found = step
    return found


def uri(secret: bytes, email: str) -> str:
    """What an authenticator app scans or is given."""
    name = quote(f"Slipway:{email}")
    return f"otpauth://totp/{name}?secret={spelled(secret)}&issuer=Slipway"


def spelled(secret: bytes) -> str:
    return b32encode(secret).decode()
