"""A write that carries a key is carried out once, however often it is sent.

What a request with a key writes, and what it is answered, are committed together: each of its
transactions also notes here that it happened and what the answer to it would be, so that a process
that dies between the commit and its reply loses neither. An answer is sealed with the key itself,
which is not kept: whoever reads the table reads no answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Literal

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import BigInteger, LargeBinary, delete, select, update
from sqlmodel import Field, SQLModel

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng, Tenant, run_id
from control_plane.errors import Conflict, Invalid
from control_plane.infra.db import Database, Tx, insert_missing, table
from control_plane.infra.rootkey import Box

LEASE_MS = 60_000  # an attempt that has ended no sooner is given up: its process is gone
KEPT_MS = 24 * 3_600_000
SWEEP_SECONDS = 600.0
SWEPT_AT_ONCE = 1_000


class KeyReused(Invalid):
    """The same key came with another request."""


class UnderWay(Conflict):
    """The first request with this key has not been answered yet."""

    retry_seconds = 1


class AnswerLost(Conflict):
    """It was carried out, at least in part, and what it was answered is not known."""


class GivenUp(Conflict):
    """This attempt took so long that its key was free for another one; nothing of it stands."""


class KeyRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "idempotency_key"

    id: str = Field(primary_key=True)  # of the tenant and the key
    tenant: str = Field(index=True)
    fingerprint: str  # of the request
    run: str  # the attempt that has it
    state: str  # running | written | answered
    answer: bytes | None = Field(default=None, sa_type=LargeBinary)
    until_ms: int = Field(sa_type=BigInteger)  # before this it is the attempt's alone
    begun_ms: int = Field(sa_type=BigInteger, index=True)


keys = table(KeyRow)


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Attempt:
    """One try of one request."""

    id: str
    tenant: Tenant
    fingerprint: str
    run: str
    box: Box = field(repr=False)

    def seal(self, answer: Answer | None) -> bytes | None:
        return None if answer is None else self.box.seal(msgspec.json.encode(answer), self.id)

    def open(self, sealed: bytes) -> Answer | None:
        opened = self.box.open(sealed, self.id)
        return None if opened is None else msgspec.json.decode(opened, type=Answer)


def attempt(tenant: Tenant, key: str, fingerprint: str, rng: Rng) -> Attempt:
    identity = sha256(f"{tenant}\0{key}".encode()).hexdigest()
    secret = HKDF(SHA256(), 32, salt=tenant.encode(), info=b"slipway/1/answer").derive(key.encode())
    return Attempt(identity, tenant, fingerprint, run_id(rng), Box(secret, rng))


def begin(tx: Tx, trying: Attempt) -> Answer | None:
    """The answer that was given before, if there is one; else the request is this attempt's."""
    now = tx.now_ms()
    row = {
        "id": trying.id,
        "tenant": trying.tenant,
        "fingerprint": trying.fingerprint,
        "run": trying.run,
        "state": "running",
        "answer": None,
        "until_ms": now + LEASE_MS,
        "begun_ms": now,
    }
    tx.run(delete(keys).where(keys.c.id == trying.id, keys.c.begun_ms <= now - KEPT_MS))
    if tx.run(insert_missing(tx, keys), row):
        return None
    found = tx.first(select(keys).where(keys.c.id == trying.id))
    if found is None:  # given up by another attempt a moment ago
        return begin(tx, trying)
    if found.fingerprint != trying.fingerprint:
        raise KeyReused(
            "This key came with another request before.",
            field="Idempotency-Key",
            remedy="Send each request with a key of its own; a repeat must be the same, byte for"
            " byte.",
        )
    if found.state == "answered" or (found.state == "written" and found.until_ms <= now):
        return _kept(trying, found.answer)
    if found.until_ms > now:
        raise UnderWay(
            "The first request with this key is still being carried out.",
            field="Idempotency-Key",
            remedy="Send it again in a moment; at the latest after a minute the key is free.",
        )
    taken = (
        update(keys)
        .where(keys.c.id == trying.id, keys.c.run == found.run, keys.c.state == "running")
        .values(run=trying.run, until_ms=now + LEASE_MS, begun_ms=now)
    )
    if not tx.run(taken):
        return begin(tx, trying)
    return None


def note(tx: Tx, trying: Attempt, answer: Answer | None) -> None:
    """In the transaction that does what was asked: it happened, and this is what to say of it."""
    if not _change(tx, trying, "written", answer):
        raise GivenUp(
            "This took too long; nothing of it was done.",
            field="Idempotency-Key",
            remedy="Send it again with the same key.",
        )


def finish(tx: Tx, trying: Attempt, answer: Answer) -> None:
    _change(tx, trying, "answered", answer)


def release(tx: Tx, trying: Attempt) -> None:
    """It came to nothing worth keeping: what wrote nothing may be tried anew, the rest at least
    need not be waited for.
    """
    mine = (keys.c.id == trying.id) & (keys.c.run == trying.run)
    tx.run(delete(keys).where(mine, keys.c.state == "running"))
    tx.run(update(keys).where(mine, keys.c.state == "written").values(until_ms=0))


def sweep(tx: Tx) -> int:
    """Forget what is older than a day; how many that were."""
    old = select(keys.c.id).where(keys.c.begun_ms <= tx.now_ms() - KEPT_MS).limit(SWEPT_AT_ONCE)
    return tx.run(delete(keys).where(keys.c.id.in_(old)))


@dataclass(frozen=True)
class Sweeper:
    db: Database
    clock: Clock

    async def run(self) -> None:
        while True:
            while await self.db.write(sweep) == SWEPT_AT_ONCE:
                pass
            await self.clock.sleep(SWEEP_SECONDS)


def _change(
    tx: Tx, trying: Attempt, state: Literal["written", "answered"], answer: Answer | None
) -> bool:
    values: Mapping[str, object] = {"state": state, "answer": trying.seal(answer)}
    mine = (keys.c.id == trying.id) & (keys.c.run == trying.run)
    return tx.run(update(keys).where(mine, keys.c.state != "answered").values(**values)) == 1


def _kept(trying: Attempt, sealed: bytes | None) -> Answer:
    answer = None if sealed is None else trying.open(sealed)
    if answer is None:
        raise AnswerLost(
            "The first request with this key was begun, and its answer is lost.",
            field="Idempotency-Key",
            remedy="Look at what came of it; if it is to be done anew, send it with another key.",
        )
    return answer
