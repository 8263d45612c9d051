"""Sessions and their refresh tokens."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, insert, select, update

from control_plane.core.ids import UserId
from control_plane.infra.db import Tx, among
from control_plane.sessions.models.session import Device, Renewal, Session
from control_plane.sessions.store.tables import renewals, sessions


def insert_session(tx: Tx, session: Session) -> None:
    tx.run(
        insert(sessions),
        {
            "id": session.id,
            "tenant": session.user_id,
            "created_ms": session.created_ms,
            "seen_ms": session.seen_ms,
            "expires_ms": session.expires_ms,
            "auth_ms": session.auth_ms,
            "amr": " ".join(session.amr),
            "agent": session.agent,
            "address": session.address,
        },
    )


def session(tx: Tx, identity: str) -> Session | None:
    row = tx.first(select(sessions).where(sessions.c.id == identity))
    return None if row is None else _session(row)


def among_ids(tx: Tx, ids: Collection[str]) -> list[Session]:
    return [_session(row) for row in tx.all(select(sessions).where(among(tx, sessions.c.id, ids)))]


def standing(tx: Tx, user: UserId) -> list[Session]:
    """Those not revoked, newest first; whether they have run out the caller sees."""
    query = (
        select(sessions)
        .where(sessions.c.tenant == user, sessions.c.revoked_ms.is_(None))
        .order_by(sessions.c.seen_ms.desc(), sessions.c.id)
        .limit(200)
    )
    return [_session(row) for row in tx.all(query)]


def touch(tx: Tx, identity: str, now: int) -> None:
    tx.run(
        update(sessions)
        .where(sessions.c.id == identity, sessions.c.seen_ms < now)
        .values(seen_ms=now)
    )


def revoke(tx: Tx, user: UserId, identity: str, why: str) -> bool:
    touched = tx.run(
        update(sessions)
        .where(
            sessions.c.id == identity,
            sessions.c.tenant == user,
            sessions.c.revoked_ms.is_(None),
        )
        .values(revoked_ms=tx.now_ms(), revoked_why=why)
    )
    return touched == 1


def revoke_all(tx: Tx, user: UserId, why: str, but: str = "") -> int:
    return tx.run(
        update(sessions)
        .where(sessions.c.tenant == user, sessions.c.revoked_ms.is_(None), sessions.c.id != but)
        .values(revoked_ms=tx.now_ms(), revoked_why=why)
    )


def insert_renewal(tx: Tx, digest: str, session_id: str, device: Device) -> None:
    tx.run(
        insert(renewals),
        {
            "hash": digest,
            "session": session_id,
            "device": device.mark,
            "created_ms": tx.now_ms(),
        },
    )


def renewal(tx: Tx, digest: str) -> Renewal | None:
    row = tx.first(select(renewals).where(renewals.c.hash == digest))
    return None if row is None else Renewal(row.session, row.device, row.used_ms, row.successor)


def use(tx: Tx, digest: str, successor: bytes, now: int) -> bool:
    """Take it, if nobody did before: of two at once one wins."""
    touched = tx.run(
        update(renewals)
        .where(renewals.c.hash == digest, renewals.c.used_ms.is_(None))
        .values(used_ms=now, successor=successor)
    )
    return touched == 1


def forget_successors(tx: Tx, session_id: str, before_ms: int) -> None:
    tx.run(
        update(renewals)
        .where(
            renewals.c.session == session_id,
            renewals.c.used_ms < before_ms,
            renewals.c.successor.is_not(None),
        )
        .values(successor=None)
    )


def _session(row: Row[Any]) -> Session:
    return Session(
        id=row.id,
        user_id=UserId(row.tenant),
        created_ms=row.created_ms,
        seen_ms=row.seen_ms,
        expires_ms=row.expires_ms,
        auth_ms=row.auth_ms,
        amr=tuple(row.amr.split()),
        agent=row.agent,
        address=row.address,
        revoked_ms=row.revoked_ms,
    )
