"""What venues answered about each order, kept for a while."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select

from control_plane.brokers.replies import Said
from control_plane.infra.db import Tx
from control_plane.orders.store.tables import venue_replies


def row_of(
    said: Said,
    asked: str,
    *,
    intent: str,
    tenant: str,
    shard: int,
    client_order_id: str,
    at_ms: int,
) -> dict[str, Any]:
    return {
        "intent_id": intent,
        "tenant": tenant,
        "shard": shard,
        "client_order_id": client_order_id,
        "asked": asked,
        "method": said.method,
        "path": said.path,
        "status": said.status,
        "body": said.told(),
        "at_ms": at_ms,
    }


def keep(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        tx.run(insert(venue_replies), rows)


def of_intent(tx: Tx, intent: str) -> Sequence[Row[Any]]:
    query = select(venue_replies).where(venue_replies.c.intent_id == intent)
    return tx.all(query.order_by(venue_replies.c.id))


def forget(tx: Tx, before_ms: int, limit: int) -> int:
    old = select(venue_replies.c.id).where(venue_replies.c.at_ms < before_ms)
    oldest = old.order_by(venue_replies.c.at_ms).limit(limit)
    return tx.run(delete(venue_replies).where(venue_replies.c.id.in_(oldest)))
