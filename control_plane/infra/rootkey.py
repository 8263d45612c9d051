"""One secret for each installation, in the data folder, and from it a key for each purpose.

No two purposes share a key: what signs access tokens cannot forge an audit checkpoint. Losing the
file ends every session and nothing else that cannot be made again.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from control_plane.core.ids import Rng
from control_plane.errors import Invalid
from control_plane.infra.logging import hide

FILE = "root.key"
SECRET_BYTES = 32
NONCE_BYTES = 12


class KeyUnreadable(Invalid):
    """The file is there, but is no key of ours."""


@dataclass(frozen=True)
class RootKey:
    secret: bytes = field(repr=False)

    def derive(self, purpose: str) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=f"slipway/1/{purpose}".encode()).derive(
            self.secret
        )

    def signer(self, purpose: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.derive(purpose))

    def box(self, purpose: str, rng: Rng) -> "Box":
        return Box(self.derive(purpose), rng)


@dataclass(frozen=True)
class Box:
    """Small things that the database keeps and only we can read. `about` says whose it is."""

    key: bytes = field(repr=False)
    rng: Rng

    def seal(self, plain: bytes, about: str) -> bytes:
        nonce = self.rng.bytes(NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes | None:
        """None: it is no box of ours, or somebody else's."""
        with suppress(InvalidTag, ValueError):
            return AESGCM(self.key).decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode()
            )
        return None


def ensure(data_dir: Path, rng: Rng) -> RootKey:
    """The key of this data folder, made at the first start, readable by its owner alone."""
    path = data_dir / FILE
    with suppress(FileExistsError):
        _make(path, rng)
    text = path.read_text().strip()
    hide(text)
    try:
        secret = bytes.fromhex(text)
    except ValueError as error:
        raise _unreadable(path) from error
    if len(secret) != SECRET_BYTES:
        raise _unreadable(path)
    return RootKey(secret)


def fingerprint(public: bytes) -> str:
    """How a key is named where it must not be shown."""
    return sha256(public).hexdigest()[:16]


def _make(path: Path, rng: Rng) -> None:
    """Whole or not at all: two first starts at once end with one key, that of the first."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(rng.bytes(SECRET_BYTES).hex() + "\n")
    try:
        os.link(beside, path)
    finally:
        beside.unlink()


def _unreadable(path: Path) -> KeyUnreadable:
    return KeyUnreadable(
        f"{path} is no key.",
        remedy="Restore it from a backup; without it every session ends and a new one is made.",
    )
