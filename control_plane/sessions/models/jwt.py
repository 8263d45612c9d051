"""Access tokens: signed statements of ten minutes, in one form and with one algorithm.

A token's own header chooses nothing. It must be the header that we write, letter by letter: the
key is looked up in our list, and a header with anything more in it (`jku`, `jwk`, `x5u`) is none.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
VERSION = 1
LIFE_SECONDS = 600
SKEW_SECONDS = 30
LONGEST = 4_096

_T = TypeVar("_T")
PART = re.compile(r"[A-Za-z0-9_-]+")


class BadToken(Exception):
    """Why it is refused: for tests and the log, never for whoever sent it."""


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: str
    kid: str
    typ: str


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    iss: str
    aud: str
    sub: str
    sid: str
    jti: str
    iat: int
    nbf: int
    exp: int
    amr: tuple[str, ...]
    auth_time: int
    ver: int


_header = msgspec.json.Decoder(Header)
_claims = msgspec.json.Decoder(Claims)


@dataclass(frozen=True)
class Issuer:
    """Signs with one key; believes those of its list."""

    name: str
    kid: str
    key: Ed25519PrivateKey = field(repr=False)
    known: Mapping[str, Ed25519PublicKey] = field(repr=False)
    audience: str = "slipway-api"

    def sign(self, claims: Claims) -> str:
        header = Header(ALGORITHM, self.kid, TYPE)
        signed = f"{_text(msgspec.json.encode(header))}.{_text(msgspec.json.encode(claims))}"
        return f"{signed}.{_text(self.key.sign(signed.encode()))}"

    def claims(
        self, sub: str, sid: str, jti: str, now: int, amr: tuple[str, ...], auth_time: int
    ) -> Claims:
        return Claims(
            iss=self.name,
            aud=self.audience,
            sub=sub,
            sid=sid,
            jti=jti,
            iat=now,
            nbf=now,
            exp=now + LIFE_SECONDS,
            amr=amr,
            auth_time=auth_time,
            ver=VERSION,
        )

    def read(self, token: str, now: int) -> Claims:
        if len(token) > LONGEST:
            raise BadToken("too long")
        parts = token.split(".")
        if len(parts) != 3:
            raise BadToken("not three parts")
        head, body, signature = parts
        header = _decoded(_header, head)
        if header.alg != ALGORITHM or header.typ != TYPE:
            raise BadToken("another algorithm or type")
        key = self.known.get(header.kid)
        if key is None:
            raise BadToken("no key of ours")
        try:
            key.verify(_bytes(signature), f"{head}.{body}".encode())
        except InvalidSignature as error:
            raise BadToken("signature") from error
        return self._in_force(_decoded(_claims, body), now)

    def _in_force(self, claims: Claims, now: int) -> Claims:
        if (claims.iss, claims.aud, claims.ver) != (self.name, self.audience, VERSION):
            raise BadToken("made by or for somebody else")
        if claims.exp <= now:
            raise BadToken("expired")
        if max(claims.nbf, claims.iat, claims.auth_time) > now + SKEW_SECONDS:
            raise BadToken("not yet")
        if claims.exp - claims.iat > LIFE_SECONDS:
            raise BadToken("longer than we make them")
        return claims


def _decoded(decoder: "msgspec.json.Decoder[_T]", part: str) -> "_T":
    try:
        return decoder.decode(_bytes(part))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadToken("shape") from error


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(part: str) -> bytes:
    """Only the one text that these bytes have: a second spelling would be a second token."""
    if not PART.fullmatch(part):
        raise BadToken("encoding")
    try:
        raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise BadToken("encoding") from error
    if _text(raw) != part:
        raise BadToken("encoding")
    return raw
