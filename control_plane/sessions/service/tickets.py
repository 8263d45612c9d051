"""Tickets: how a browser's page opens a live connection, which can carry no header of its own.

Whoever is signed in asks for one over an ordinary request; it is good once, for half a minute, and
the connection is theirs for as long as what they asked with stands.
"""

from dataclasses import dataclass, replace

import msgspec

from control_plane.accounts import service as accounts
from control_plane.core.clock import Clock, ms
from control_plane.core.ids import Rng, UserId
from control_plane.infra import wall
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_callers import Caller
from control_plane.infra.http_refusals import Unauthenticated
from control_plane.sessions.models.tokens import digest, secret
from control_plane.sessions.store import proofs, sessions

PURPOSE = "live"
LIFE_SECONDS = 30
UNPROVEN_MS = 10 * 60_000  # no session and no token: asked again with the next ticket

_callers = msgspec.json.Decoder(Caller)


@dataclass(frozen=True)
class Tickets:
    db: Database
    clock: Clock
    rng: Rng

    async def make(self, caller: Caller) -> str:
        text = secret(self.rng)
        now = ms(self.clock.now())
        ends_ms = caller.ends_ms
        if not (caller.session or caller.token or caller.is_operator or caller.is_onlooker):
            ends_ms = now + UNPROVEN_MS
        holder = replace(caller, ends_ms=ends_ms, is_for_everybody=False)
        subject = msgspec.json.encode(holder).decode()
        with wall.acting_for(wall.EVERYBODY):  # whoever holds it is known when it is used
            await self.db.write(_make, digest(text), subject)
        return text

    async def use(self, text: str) -> Caller:
        subject = await self.db.write(proofs.use_proof, digest(text), PURPOSE)
        if subject is None:
            raise Unauthenticated(
                "This ticket is not valid: unknown, used or older than half a minute.",
                remedy="POST /api/v1/live/tickets for another one.",
            )
        return _callers.decode(subject)


@dataclass(frozen=True)
class Standing:
    """Whether what people opened a connection with still stands: asked for all of them at once."""

    db: Database
    idle_ms: int

    async def of(self, callers: frozenset[Caller]) -> frozenset[Caller]:
        return await self.db.read(_standing, callers, self.idle_ms)


def _make(tx: Tx, hashed: str, subject: str) -> None:
    now = tx.now_ms()
    proofs.drop_proofs(tx, PURPOSE, before_ms=now)
    proofs.insert_proof(tx, hashed, PURPOSE, subject, now + LIFE_SECONDS * 1000)


def _standing(tx: Tx, callers: frozenset[Caller], idle_ms: int) -> frozenset[Caller]:
    now = tx.now_ms()
    roles = accounts.roles(tx, {UserId(one.tenant) for one in callers})
    open_sessions = {
        one.id
        for one in sessions.among_ids(tx, {one.session for one in callers if one.session})
        if one.stands(now, idle_ms)
    }
    good_tokens = proofs.good_tokens(tx, {one.token for one in callers if one.token})

    def stands(caller: Caller) -> bool:
        if caller.is_onlooker or caller.is_operator:
            return True
        return (
            (caller.ends_ms is None or now < caller.ends_ms)
            and (roles.get(UserId(caller.tenant)) == "admin") == caller.is_admin
            and UserId(caller.tenant) in roles
            and (not caller.session or caller.session in open_sessions)
            and (not caller.token or caller.token in good_tokens)
        )

    return frozenset(one for one in callers if stands(one))
