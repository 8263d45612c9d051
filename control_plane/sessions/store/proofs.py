"""Letters' links, second factors and personal API tokens."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from control_plane.core.ids import UserId
from control_plane.infra.db import Tx, among
from control_plane.sessions.models.tokens import ApiToken
from control_plane.sessions.store.tables import api_tokens, letter_proofs, second_factors


def insert_proof(tx: Tx, digest: str, purpose: str, subject: str, expires_ms: int) -> None:
    tx.run(
        insert(letter_proofs),
        {"hash": digest, "purpose": purpose, "subject": subject, "expires_ms": expires_ms},
    )


def proof(tx: Tx, digest: str, purpose: str) -> str | None:
    """Whose it is, if it is good; it stays so."""
    found = tx.scalar(
        select(letter_proofs.c.subject).where(
            letter_proofs.c.hash == digest,
            letter_proofs.c.purpose == purpose,
            letter_proofs.c.used_ms.is_(None),
            letter_proofs.c.expires_ms > tx.now_ms(),
        )
    )
    return None if found is None else str(found)


def use_proof(tx: Tx, digest: str, purpose: str) -> str | None:
    """Whose it is, if it is good; from then on it is not."""
    now = tx.now_ms()
    row = tx.first(
        update(letter_proofs)
        .where(
            letter_proofs.c.hash == digest,
            letter_proofs.c.purpose == purpose,
            letter_proofs.c.used_ms.is_(None),
            letter_proofs.c.expires_ms > now,
        )
        .values(used_ms=now)
        .returning(letter_proofs.c.subject)
    )
    return None if row is None else str(row.subject)


def void_proofs(tx: Tx, purpose: str, subject: str) -> None:
    """A newer letter, or a reset that happened, ends the older links."""
    tx.run(
        update(letter_proofs)
        .where(
            letter_proofs.c.purpose == purpose,
            letter_proofs.c.subject == subject,
            letter_proofs.c.used_ms.is_(None),
        )
        .values(used_ms=tx.now_ms())
    )


def drop_proofs(tx: Tx, purpose: str, *, before_ms: int) -> None:
    """Those that ran out tell nobody anything."""
    tx.run(
        delete(letter_proofs).where(
            letter_proofs.c.purpose == purpose, letter_proofs.c.expires_ms < before_ms
        )
    )


def factor(tx: Tx, user: UserId) -> tuple[bytes, bool] | None:
    """The sealed secret, and whether it is confirmed."""
    row = tx.first(select(second_factors).where(second_factors.c.tenant == user))
    return None if row is None else (row.secret, row.confirmed_ms is not None)


def last_step(tx: Tx, user: UserId) -> int:
    found = tx.scalar(select(second_factors.c.last_step).where(second_factors.c.tenant == user))
    return int(found or 0)


def put_factor(tx: Tx, user: UserId, sealed: bytes) -> None:
    drop_factor(tx, user)
    tx.run(insert(second_factors), {"tenant": user, "secret": sealed, "last_step": 0})


def use_step(tx: Tx, user: UserId, step: int) -> bool:
    """Take this half minute's code, if nobody did before."""
    touched = tx.run(
        update(second_factors)
        .where(second_factors.c.tenant == user, second_factors.c.last_step < step)
        .values(last_step=step)
    )
    return touched == 1


def confirm_factor(tx: Tx, user: UserId) -> None:
    tx.run(
        update(second_factors)
        .where(second_factors.c.tenant == user)
        .values(confirmed_ms=tx.now_ms())
    )


def drop_factor(tx: Tx, user: UserId) -> bool:
    return tx.run(delete(second_factors).where(second_factors.c.tenant == user)) == 1


def insert_token(tx: Tx, token: ApiToken, digest: str) -> None:
    tx.run(
        insert(api_tokens),
        {
            "id": token.id,
            "tenant": token.user_id,
            "hash": digest,
            "name": token.name,
            "hint": token.hint,
            "scopes": " ".join(token.scopes),
            "created_ms": token.created_ms,
            "expires_ms": token.expires_ms,
        },
    )


def token_of(tx: Tx, digest: str) -> ApiToken | None:
    row = tx.first(
        select(api_tokens).where(
            api_tokens.c.hash == digest,
            api_tokens.c.revoked_ms.is_(None),
            api_tokens.c.expires_ms > tx.now_ms(),
        )
    )
    return None if row is None else _token(row)


def tokens(tx: Tx, user: UserId) -> list[ApiToken]:
    query = select(api_tokens).where(api_tokens.c.tenant == user, api_tokens.c.revoked_ms.is_(None))
    newest_first = query.order_by(api_tokens.c.created_ms.desc(), api_tokens.c.id)
    return [_token(row) for row in tx.all(newest_first.limit(500))]


def good_tokens(tx: Tx, ids: Collection[str]) -> frozenset[str]:
    """Those of them that are neither revoked nor expired."""
    query = select(api_tokens.c.id).where(
        among(tx, api_tokens.c.id, ids),
        api_tokens.c.revoked_ms.is_(None),
        api_tokens.c.expires_ms > tx.now_ms(),
    )
    return frozenset(row.id for row in tx.all(query))


def revoke_token(tx: Tx, user: UserId, identity: str) -> bool:
    touched = tx.run(
        update(api_tokens)
        .where(
            api_tokens.c.id == identity,
            api_tokens.c.tenant == user,
            api_tokens.c.revoked_ms.is_(None),
        )
        .values(revoked_ms=tx.now_ms())
    )
    return touched == 1


def touch_token(tx: Tx, identity: str) -> None:
    tx.run(update(api_tokens).where(api_tokens.c.id == identity).values(used_ms=tx.now_ms()))


def _token(row: Row[Any]) -> ApiToken:
    return ApiToken(
        id=row.id,
        user_id=UserId(row.tenant),
        name=row.name,
        hint=row.hint,
        scopes=tuple(row.scopes.split()),
        created_ms=row.created_ms,
        expires_ms=row.expires_ms,
        used_ms=row.used_ms,
    )
