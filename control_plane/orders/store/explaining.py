"""What an explanation is put together from."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, or_, select

from control_plane.infra import events
from control_plane.infra.db import Tx
from control_plane.orders.models.timeline import Moments
from control_plane.orders.store.tables import fills, intents, orders, trades


def orders_of(tx: Tx, intent: str) -> Sequence[Row[Any]]:
    query = select(orders).where(orders.c.intent_id == intent)
    return tx.all(query.order_by(orders.c.number))


def fills_of(tx: Tx, intent: str) -> Sequence[Row[Any]]:
    query = select(fills).where(fills.c.intent_id == intent)
    return tx.all(query.order_by(fills.c.at_ms, fills.c.exchange_fill_id))


def trade_of_intent(tx: Tx, intent: str) -> Row[Any] | None:
    """The trade that it opened, protects or closes."""
    named = select(intents.c.trade_id).where(intents.c.id == intent).scalar_subquery()
    return tx.first(
        select(trades).where(or_(trades.c.entry_intent_id == intent, trades.c.id == named)).limit(1)
    )


def moments(tx: Tx, signal: str) -> Moments:
    of_signal = select(intents.c.id).where(intents.c.signal_id == signal)
    sent = tx.first(
        select(
            func.min(orders.c.signed_ms),
            func.max(orders.c.signed_ms),
            func.min(orders.c.acknowledged_ms),
            func.max(orders.c.acknowledged_ms),
        ).where(orders.c.intent_id.in_(of_signal))
    )
    told = events.events
    opened = select(trades.c.id).where(trades.c.entry_signal_id == signal)
    protected = tx.scalar(
        select(func.max(told.c.at_ms)).where(
            told.c.kind == "trade_protected", told.c.subject_id.in_(opened)
        )
    )
    assert sent is not None  # an aggregate is one row
    return Moments(*sent, protected)
