"""Signed statements of how far each audit chain was and what its last digest was, kept in a file
where the database's user cannot write.

Each includes the signature of the one before, so that none can be taken out. With them a chain that
was cut, or written anew from some row on, is found out; they need the public key alone.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from control_plane.core.clock import Clock, ms
from control_plane.infra import audit
from control_plane.infra.audit import Broken, Entry, Tail
from control_plane.infra.db import Database, Tx

FILE = "audit.checkpoints"
PUBLIC_FILE = "audit.pub"
PURPOSE = "audit-checkpoint"
EVERY_SECONDS = 60.0
LOOK_SECONDS = 5.0
ROWS = 1_000


class Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    chain: str
    seq: int
    hash: str
    at_ms: int
    previous: str  # the signature of the checkpoint before, of whichever chain
    signature: str = ""

    def signed_text(self) -> bytes:
        parts = ("checkpoint1", self.chain, str(self.seq), self.hash, str(self.at_ms))
        return "\n".join((*parts, self.previous)).encode()


@dataclass
class Checkpoints:
    """Signs what is new: every minute, or as soon as there are a thousand rows more."""

    db: Database
    clock: Clock
    folder: Path
    key: Ed25519PrivateKey = field(repr=False)
    _signed: dict[str, int] = field(default_factory=dict)
    _previous: str = ""
    _last: float | None = None

    async def run(self) -> None:
        self.publish()
        while True:
            await self.once()
            await self.clock.sleep(LOOK_SECONDS)

    def publish(self) -> None:
        """The public key, for whoever wants to verify, and where we were."""
        public = self.key.public_key().public_bytes_raw().hex()
        (self.folder / PUBLIC_FILE).write_text(public + "\n")
        for checkpoint in read(self.folder / FILE):
            self._signed[checkpoint.chain] = checkpoint.seq
            self._previous = checkpoint.signature

    async def once(self) -> int:
        now = self.clock.monotonic()
        is_due = self._last is None or now - self._last >= EVERY_SECONDS
        tails = await self.db.read(audit.tails)
        enough = 1 if is_due else ROWS
        fresh = [tail for tail in tails if tail.seq - self._signed.get(tail.chain, 0) >= enough]
        for tail in fresh:
            self._write(self._sign(tail))
        if is_due:
            self._last = now
        return len(fresh)

    def _sign(self, tail: Tail) -> Checkpoint:
        bare = Checkpoint(tail.chain, tail.seq, tail.hash, ms(self.clock.now()), self._previous)
        signature = self.key.sign(bare.signed_text()).hex()
        return msgspec.structs.replace(bare, signature=signature)

    def _write(self, checkpoint: Checkpoint) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with os.fdopen(os.open(self.folder / FILE, flags, 0o600), "ab") as file:
            file.write(msgspec.json.encode(checkpoint) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._signed[checkpoint.chain] = checkpoint.seq
        self._previous = checkpoint.signature


def read(path: Path) -> list[Checkpoint]:
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Checkpoint) for line in lines if line]


def forged(checkpoints: Sequence[Checkpoint], key: Ed25519PublicKey) -> int | None:
    """Which of them, counted from one, is not ours or does not follow the one before."""
    previous = ""
    for number, checkpoint in enumerate(checkpoints, 1):
        try:
            key.verify(bytes.fromhex(checkpoint.signature), checkpoint.signed_text())
        except (InvalidSignature, ValueError):
            return number
        if checkpoint.previous != previous:
            return number
        previous = checkpoint.signature
    return None


def verify(tx: Tx, checkpoints: Sequence[Checkpoint]) -> tuple[Broken | None, int]:
    """Every chain against itself and against its checkpoints; how many rows were looked at."""
    chains = {tail.chain for tail in audit.tails(tx)} | {one.chain for one in checkpoints}
    looked = 0
    for chain in sorted(chains):
        due = {one.seq: one.hash for one in checkpoints if one.chain == chain}
        found = audit.first_broken(chain, _against(due, audit.entries(tx, chain)))
        if isinstance(found, Broken):
            return found, looked
        if due and found.seq < max(due):
            return Broken(chain, found.seq + 1, "it and what followed are missing"), looked
        looked += found.seq
    return None, looked


def _against(due: dict[int, str], rows: Iterator[Entry]) -> Iterator[Entry]:
    """A row whose digest is not the one that was signed is shown with the signed one, which does
    not fit its text.
    """
    for row in rows:
        signed = due.get(row.seq, row.hash)
        yield replace(row, hash=signed)
