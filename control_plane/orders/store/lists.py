"""What the API lists, newest first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Double, Row, cast, func, select

from control_plane.infra.db import Tx
from control_plane.infra.paging import Asked, Found, page
from control_plane.orders.store.tables import fills, intents, orders, skips, trades


def intents_page(tx: Tx, tenant: str, asked: Asked) -> Found:
    query = select(intents).where(intents.c.tenant == tenant)
    return page(tx, query, (intents.c.planned_ms, intents.c.id), asked)


def intent_of(tx: Tx, tenant: str, identity: str) -> Row[Any] | None:
    return tx.first(select(intents).where(intents.c.id == identity, intents.c.tenant == tenant))


def trade_of(tx: Tx, tenant: str, identity: str) -> Row[Any] | None:
    return tx.first(select(trades).where(trades.c.id == identity, trades.c.tenant == tenant))


def skips_page(tx: Tx, tenant: str, asked: Asked) -> Found:
    # Two parts tell a skip from the others; one text of both sorts and compares alike.
    identity = (skips.c.signal_id + ":" + skips.c.subscription_id).label("place")
    query = select(skips, identity).where(skips.c.tenant == tenant)
    return page(tx, query, (skips.c.at_ms, identity), asked)


def orders_page(tx: Tx, tenant: str | None, asked: Asked) -> Found:
    query = select(orders) if tenant is None else select(orders).where(orders.c.tenant == tenant)
    return page(tx, query, (orders.c.signed_ms, orders.c.id), asked)


def fills_page(tx: Tx, tenant: str, asked: Asked) -> Found:
    identity = (fills.c.account_id + ":" + fills.c.exchange_fill_id).label("place")
    query = select(fills, identity).where(fills.c.tenant == tenant)
    return page(tx, query, (fills.c.at_ms, identity), asked)


def trades_page(tx: Tx, tenant: str | None, asked: Asked) -> Found:
    query = select(trades) if tenant is None else select(trades).where(trades.c.tenant == tenant)
    return page(tx, query, (trades.c.opened_ms, trades.c.id), asked)


def order_count(tx: Tx) -> int:
    return int(tx.scalar(select(func.count()).select_from(orders)))


def trade_count(tx: Tx) -> int:
    return int(tx.scalar(select(func.count()).select_from(trades)))


def profit_sums(tx: Tx) -> Sequence[Row[Any]]:
    """Approximate, for SQLite adds floats only: shown, never traded on."""
    total = func.sum(cast(trades.c.pnl, Double)).label("pnl")
    closed = select(trades.c.currency, total).where(trades.c.pnl.is_not(None))
    return tx.all(closed.group_by(trades.c.currency).order_by(trades.c.currency))


def has_open_trade(tx: Tx, account: str) -> bool:
    query = select(trades.c.id).where(trades.c.account_id == account, trades.c.state != "closed")
    return tx.first(query.limit(1)) is not None
