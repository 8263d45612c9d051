"""The private keys that broker secrets are sealed for, in a file of the trading role's own (0400),
and beside it the public ones, with which anybody may seal and nobody open.

A key is added, made primary, and after every envelope has been sealed for it the older ones are
disabled: they still open, and each use is an alarm. What is destroyed is gone.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from control_plane.core.ids import Rng
from control_plane.errors import Invalid, Unavailable
from control_plane.infra.logging import hide

FILE = "keyring.json"
PUBLIC_FILE = "keyring.pub"
ID_BYTES = 8

State = Literal["primary", "active", "disabled"]


class NoKeyring(Unavailable):
    """The trading role has not made its keyring yet."""


class KeyringUnusable(Invalid):
    pass


class Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    key: str
    state: State

    def __repr__(self) -> str:
        return f"Stored({self.id}, {self.state})"


@dataclass(frozen=True)
class Keyring:
    keys: tuple[Stored, ...] = field(repr=False)

    @property
    def primary(self) -> X25519PublicKey:
        return self.private[self.primary_id].public_key()

    @property
    def primary_id(self) -> str:
        return next(key.id for key in self.keys if key.state == "primary")

    @property
    def private(self) -> Mapping[str, X25519PrivateKey]:
        return {
            key.id: X25519PrivateKey.from_private_bytes(bytes.fromhex(key.key)) for key in self.keys
        }

    def is_disabled(self, identity: str) -> bool:
        return any(key.id == identity and key.state == "disabled" for key in self.keys)

    def with_new_primary(self, rng: Rng) -> "Keyring":
        older = tuple(
            msgspec.structs.replace(key, state="active") if key.state == "primary" else key
            for key in self.keys
        )
        return Keyring((_new(rng), *older))

    def with_disabled_others(self) -> "Keyring":
        return Keyring(
            tuple(
                key if key.state == "primary" else msgspec.structs.replace(key, state="disabled")
                for key in self.keys
            )
        )


def ensure(folder: Path, rng: Rng) -> Keyring:
    """The keyring of this folder, made at the first start of a trading role."""
    if not (folder / FILE).exists():
        write(folder, Keyring((_new(rng),)))
    return read(folder)


def read(folder: Path) -> Keyring:
    path = folder / FILE
    try:
        keys = msgspec.json.decode(path.read_bytes(), type=tuple[Stored, ...])
    except FileNotFoundError as error:
        raise _none(folder) from error
    except msgspec.MsgspecError as error:
        raise KeyringUnusable(
            f"{path} is no keyring.", remedy="Restore it from a backup."
        ) from error
    if [key.state for key in keys].count("primary") != 1:
        raise KeyringUnusable(f"{path} has no primary key.", remedy="Restore it from a backup.")
    for key in keys:
        hide(key.key)
    return Keyring(keys)


def recipient(folder: Path) -> X25519PublicKey:
    """For whom to seal: all that the api role knows of the keyring."""
    try:
        text = (folder / PUBLIC_FILE).read_text()
    except FileNotFoundError as error:
        raise _none(folder) from error
    with suppress(ValueError):
        return X25519PublicKey.from_public_bytes(bytes.fromhex(text))
    raise KeyringUnusable(f"{folder / PUBLIC_FILE} is no public key.")


def write(folder: Path, keyring: Keyring) -> None:
    """The private half first: what is sealed for a key must be able to be opened."""
    _put(folder / FILE, msgspec.json.encode(keyring.keys), 0o400)
    _put(folder / PUBLIC_FILE, keyring.primary.public_bytes_raw().hex().encode(), 0o600)


def _new(rng: Rng) -> Stored:
    key = X25519PrivateKey.from_private_bytes(rng.bytes(32))
    public = key.public_key().public_bytes_raw()
    identity = sha256(public).digest()[:ID_BYTES].hex()
    return Stored(identity, key.private_bytes_raw().hex(), "primary")


def _put(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _none(folder: Path) -> NoKeyring:
    return NoKeyring(
        f"There is no keyring in {folder}.",
        remedy="Start a Slipway with the role trading on this folder once; it makes one.",
    )
