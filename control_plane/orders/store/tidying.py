"""Old rows that nothing refers to."""

from collections.abc import Sequence

from sqlalchemy import delete, select, tuple_

from control_plane.infra.db import Tx, among
from control_plane.orders.store.tables import plans, skips, stray_fills


def signals_without_intents(tx: Tx, before_ms: int, limit: int) -> list[str]:
    query = select(plans.c.signal_id).where(plans.c.planned_ms < before_ms, plans.c.intents == 0)
    return [row.signal_id for row in tx.all(query.order_by(plans.c.planned_ms).limit(limit))]


def forget_plans(tx: Tx, signals: Sequence[str]) -> int:
    tx.run(delete(skips).where(among(tx, skips.c.signal_id, signals)))
    return tx.run(delete(plans).where(among(tx, plans.c.signal_id, signals)))


def forget_skips(tx: Tx, before_ms: int, limit: int) -> int:
    key = (skips.c.signal_id, skips.c.subscription_id)
    old = select(*key).where(skips.c.at_ms < before_ms).limit(limit)
    return tx.run(delete(skips).where(tuple_(*key).in_(old)))


def forget_strays(tx: Tx, before_ms: int, limit: int) -> int:
    """Fills of orders that somebody made by hand."""
    key = (stray_fills.c.account_id, stray_fills.c.exchange_fill_id)
    old = select(*key).where(stray_fills.c.seen_ms < before_ms).limit(limit)
    return tx.run(delete(stray_fills).where(tuple_(*key).in_(old)))
