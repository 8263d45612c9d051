"""Sign-ins by way of a provider, and who somebody is there."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from control_plane.core.ids import UserId
from control_plane.infra.db import Tx
from control_plane.sessions.store.tables import federated, identities

KEPT_MS = 86_400_000


def begin(tx: Tx, row: Mapping[str, Any], life_ms: int) -> None:
    now = tx.now_ms()
    tx.run(delete(federated).where(federated.c.expires_ms < now - KEPT_MS))
    tx.run(insert(federated), {**row, "expires_ms": now + life_ms})


def use(tx: Tx, state: str, browser: str) -> Row[Any] | None:
    """Take it, in the browser that began it; from then on it is used, whatever comes of it."""
    now = tx.now_ms()
    return tx.first(
        update(federated)
        .where(
            federated.c.state == state,
            federated.c.browser == browser,
            federated.c.used_ms.is_(None),
            federated.c.expires_ms > now,
        )
        .values(used_ms=now)
        .returning(*federated.c)
    )


def prove(tx: Tx, state: str, user: UserId, claim: str, life_ms: int) -> None:
    tx.run(
        update(federated)
        .where(federated.c.state == state)
        .values(proved=user, claim=claim, expires_ms=tx.now_ms() + life_ms)
    )


def provable(tx: Tx, claim: str) -> Row[Any] | None:
    """What may still be claimed."""
    return tx.first(
        select(federated).where(
            federated.c.claim == claim,
            federated.c.claimed_ms.is_(None),
            federated.c.expires_ms > tx.now_ms(),
        )
    )


def claim(tx: Tx, state: str) -> bool:
    """Once."""
    touched = tx.run(
        update(federated)
        .where(federated.c.state == state, federated.c.claimed_ms.is_(None))
        .values(claimed_ms=tx.now_ms())
    )
    return touched == 1


def user_of(tx: Tx, issuer: str, subject: str) -> UserId | None:
    found = tx.scalar(
        select(identities.c.tenant).where(
            identities.c.issuer == issuer, identities.c.subject == subject
        )
    )
    return None if found is None else UserId(found)


def has_identity(tx: Tx, user: UserId) -> bool:
    return tx.first(select(identities).where(identities.c.tenant == user)) is not None


def add_identity(tx: Tx, issuer: str, subject: str, user: UserId, email: str) -> None:
    tx.run(
        insert(identities),
        {
            "issuer": issuer,
            "subject": subject,
            "tenant": user,
            "email": email,
            "created_ms": tx.now_ms(),
        },
    )


def drop_identities(tx: Tx, user: UserId) -> bool:
    return tx.run(delete(identities).where(identities.c.tenant == user)) > 0
