"""Broker secrets at rest: an envelope for each, which only the trading role can open.

    "CX" | version 1 | algorithm 1 | kek id (8) | length of the wrapped key (2) | wrapped key
         | nonce (12) | ciphertext and tag

A fresh data key encrypts the secret (AES-256-GCM). The data key is sealed for the trading role's
public key: an ephemeral X25519 exchange, HKDF-SHA256, AES-256-GCM. Whose secret it is goes into
both as associated data, so that a row that was moved, rolled back or given another key id does not
open. The key id is bound by the seal alone: a rotation seals the data key anew and leaves the
secret as it is, without ever touching its plaintext.
"""

import struct
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from control_plane.core.ids import Rng

MAGIC, VERSION, ALGORITHM = b"CX", 1, 1
KEY, NONCE, TAG, KEK_ID, POINT = 32, 12, 16, 8, 32
HEAD = struct.Struct(">2sBB8sH")
WRAPPED = POINT + KEY + TAG


class Unopened(Exception):
    """It does not open, and nothing says why: whoever changed it learns nothing."""


@dataclass(frozen=True)
class Place:
    """Where a secret belongs; an envelope opens nowhere else."""

    installation: str
    tenant: str
    account: str
    exchange: str
    field: str
    row_version: int


@dataclass(frozen=True)
class _Parts:
    kek_id: bytes
    wrapped: bytes
    nonce: bytes
    ciphertext: bytes


def seal(secret: bytes, place: Place, recipient: X25519PublicKey, rng: Rng) -> bytes:
    key, nonce = rng.bytes(KEY), rng.bytes(NONCE)
    kek_id = kek_id_of(recipient)
    wrapped = _wrap(key, place, recipient, rng)
    sealed = AESGCM(key).encrypt(nonce, secret, _about(place, b""))
    return _joined(_Parts(kek_id, wrapped, nonce, sealed))


def open_(envelope: bytes, place: Place, key: X25519PrivateKey) -> bytes:
    parts = _split(envelope)
    data_key = _unwrap(parts, place, key)
    try:
        return AESGCM(data_key).decrypt(parts.nonce, parts.ciphertext, _about(place, b""))
    except InvalidTag as error:
        raise Unopened from error


def rewrap(
    envelope: bytes, place: Place, key: X25519PrivateKey, recipient: X25519PublicKey, rng: Rng
) -> bytes:
    """The same secret, for another key."""
    parts = _split(envelope)
    wrapped = _wrap(_unwrap(parts, place, key), place, recipient, rng)
    return _joined(_Parts(kek_id_of(recipient), wrapped, parts.nonce, parts.ciphertext))


def kek_of(envelope: bytes) -> str:
    return _split(envelope).kek_id.hex()


def kek_id_of(public: X25519PublicKey) -> bytes:
    return sha256(public.public_bytes_raw()).digest()[:KEK_ID]


def _wrap(data_key: bytes, place: Place, recipient: X25519PublicKey, rng: Rng) -> bytes:
    once = X25519PrivateKey.from_private_bytes(rng.bytes(KEY))
    point = once.public_key().public_bytes_raw()
    key, nonce = _agreed(once.exchange(recipient), point, recipient)
    about = _about(place, kek_id_of(recipient))
    return point + AESGCM(key).encrypt(nonce, data_key, about)


def _unwrap(parts: _Parts, place: Place, key: X25519PrivateKey) -> bytes:
    public = key.public_key()
    if parts.kek_id != kek_id_of(public):
        raise Unopened
    point, sealed = parts.wrapped[:POINT], parts.wrapped[POINT:]
    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(point))
        wrapping, nonce = _agreed(shared, point, public)
        return AESGCM(wrapping).decrypt(nonce, sealed, _about(place, parts.kek_id))
    except (InvalidTag, ValueError) as error:
        raise Unopened from error


def _agreed(shared: bytes, point: bytes, recipient: X25519PublicKey) -> tuple[bytes, bytes]:
    """A key and a nonce of this one exchange: neither is ever used again."""
    salt = point + recipient.public_bytes_raw()
    made = HKDF(SHA256(), KEY + NONCE, salt=salt, info=b"slipway/1/broker-key").derive(shared)
    return made[:KEY], made[KEY:]


def _about(place: Place, kek_id: bytes) -> bytes:
    parts = (
        b"broker-secret",
        bytes((VERSION, ALGORITHM)),
        kek_id,
        place.installation.encode(),
        place.tenant.encode(),
        place.account.encode(),
        place.exchange.encode(),
        place.field.encode(),
        str(place.row_version).encode(),
    )
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def _joined(parts: _Parts) -> bytes:
    head = HEAD.pack(MAGIC, VERSION, ALGORITHM, parts.kek_id, len(parts.wrapped))
    return head + parts.wrapped + parts.nonce + parts.ciphertext


def _split(envelope: bytes) -> _Parts:
    if len(envelope) < HEAD.size + WRAPPED + NONCE + TAG:
        raise Unopened
    magic, version, algorithm, kek_id, length = HEAD.unpack_from(envelope)
    if (magic, version, algorithm, length) != (MAGIC, VERSION, ALGORITHM, WRAPPED):
        raise Unopened
    wrapped_end = HEAD.size + WRAPPED
    nonce_end = wrapped_end + NONCE
    return _Parts(
        kek_id,
        envelope[HEAD.size : wrapped_end],
        envelope[wrapped_end:nonce_end],
        envelope[nonce_end:],
    )
