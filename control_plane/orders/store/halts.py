"""Halt rows: read by every plan and by the statement that lets orders out."""

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row

from control_plane.infra.db import Tx
from control_plane.orders.store.tables import halts

_ACTIVE = select(halts.c.scope, halts.c.mode).where(halts.c.active.is_(True))


def active(tx: Tx) -> frozenset[str]:
    return frozenset(modes(tx))


def modes(tx: Tx) -> dict[str, str]:
    """Of the active ones."""
    return {row.scope: row.mode for row in tx.all(_ACTIVE)}


def listed(tx: Tx) -> list[Row[Any]]:
    return list(tx.all(select(halts).order_by(halts.c.at_ms.desc(), halts.c.scope)))


def find(tx: Tx, scope: str) -> Row[Any] | None:
    return tx.first(select(halts).where(halts.c.scope == scope).with_for_update())


def standing_by_itself(tx: Tx) -> list[Row[Any]]:
    """Those that nobody ordered."""
    query = select(halts).where(halts.c.active.is_(True), halts.c.cause != "")
    return list(tx.all(query.order_by(halts.c.at_ms, halts.c.scope)))


def put(
    tx: Tx,
    scope: str,
    mode: str,
    *,
    is_active: bool,
    reason: str,
    by_user: str,
    now: int,
    cause: str = "",
    holder: str = "",
) -> bool:
    """Whether it changed anything."""
    row = find(tx, scope)
    values = {
        "mode": mode,
        "active": is_active,
        "reason": reason,
        "by_user": by_user,
        "cause": cause,
        "holder": holder,
        "at_ms": now,
    }
    if row is None:
        if is_active:
            tx.run(insert(halts), {"scope": scope, **values})
        return is_active
    tx.run(update(halts).where(halts.c.scope == scope).values(**values))
    return bool(row.active) != is_active
