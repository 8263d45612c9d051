"""What becomes of a session: begun, renewed, held, ended; each in its caller's transaction."""

from collections.abc import Callable
from dataclasses import replace

from control_plane.accounts import service as accounts
from control_plane.accounts.models import User
from control_plane.core.ids import UserId
from control_plane.infra import audit
from control_plane.infra.db import Tx
from control_plane.infra.rootkey import Box
from control_plane.sessions.models.session import (
    ADMIN_MS,
    LOST_REPLY_MS,
    Device,
    Session,
    Turn,
    turn,
)
from control_plane.sessions.models.tokens import digest
from control_plane.sessions.store import sessions as store

Renewed = tuple[Turn, User | None, Session | None, str]


def opened(
    tx: Tx,
    identity: str,
    user: User,
    amr: tuple[str, ...],
    device: Device,
    *,
    refresh: str,
    life_ms: int,
) -> Session:
    now = tx.now_ms()
    made = Session(
        id=identity,
        user_id=user.id,
        created_ms=now,
        seen_ms=now,
        expires_ms=now + (min(life_ms, ADMIN_MS) if user.role == "admin" else life_ms),
        auth_ms=now,
        amr=amr,
        agent=device.agent[:200],
        address=device.address,
    )
    store.insert_session(tx, made)
    store.insert_renewal(tx, digest(refresh), made.id, device)
    audit.record(tx, "session_begun", "session", made.id, tenant=user.id, address=device.address)
    return made


def renewed(
    tx: Tx,
    refresh: str,
    successor: str,
    device: Device,
    *,
    box: Box,
    idle_ms: int,
    may: Callable[[str], bool],
) -> Renewed:
    """What its refresh token did for a session, and the one to go on with. `may`: whether whoever
    holds it also knows what only our own page knows of that session.
    """
    hashed, now = digest(refresh), tx.now_ms()
    renewal = store.renewal(tx, hashed)
    user, session = (None, None) if renewal is None else find(tx, renewal.session)
    if renewal is None or user is None or session is None or not may(session.id):
        return Turn.ENDED, None, None, ""
    happens = turn(session, renewal, device.mark, now, idle_ms)
    if happens is Turn.RENEW:
        if not store.use(tx, hashed, box.seal(successor.encode(), hashed), now):
            # Another tab was faster: both are given the same.
            renewal = store.renewal(tx, hashed) or renewal
            happens = turn(session, renewal, device.mark, now, idle_ms)
        else:
            store.insert_renewal(tx, digest(successor), session.id, device)
            store.forget_successors(tx, session.id, now - LOST_REPLY_MS)
    if happens is Turn.REPEAT:
        before = box.open(renewal.successor or b"", hashed)
        successor = "" if before is None else before.decode()
        happens = Turn.ENDED if before is None else happens
    if happens is Turn.REVOKE:
        end(tx, user.id, session.id, "a used refresh token came again")
    if happens in {Turn.RENEW, Turn.REPEAT}:
        store.touch(tx, session.id, now)
    return happens, user, replace(session, seen_ms=now), successor


def find(tx: Tx, identity: str) -> tuple[User | None, Session | None]:
    session = store.session(tx, identity)
    return (None, None) if session is None else (accounts.user(tx, session.user_id), session)


def holder(tx: Tx, hashed: str, used_since: int) -> tuple[User | None, Session | None]:
    """One that was used a moment ago may belong to a tab that has not heard of its successor."""
    found = store.renewal(tx, hashed)
    if found is None or (found.used_ms is not None and found.used_ms < used_since):
        return None, None
    return find(tx, found.session)


def end(tx: Tx, user: UserId, identity: str, why: str) -> bool:
    if not store.revoke(tx, user, identity, why):
        return False
    audit.record(tx, "session_ended", "session", identity, tenant=user, why=why)
    return True
