"""Rows of the paper exchange as the port knows them."""

from typing import Any

from sqlalchemy.engine import Row

from control_plane.brokers.models import Position, VenueFill, VenueOrder
from control_plane.core.ids import AccountId, InstrumentId


def venue_order(row: Row[Any]) -> VenueOrder:
    return VenueOrder(
        account=AccountId(row.account),
        exchange_order_id=row.id,
        client_order_id=row.client_order_id,
        instrument=InstrumentId(row.instrument),
        margin_currency=row.margin_currency,
        side=row.side,
        kind=row.kind,
        state=row.state,
        quantity=row.quantity,
        filled=row.filled,
        price=row.price,
        trigger_price=row.trigger_price,
        created_ms=row.created_ms,
        stage=row.stage,
        reason=row.reason,
    )


def venue_fill(row: Row[Any]) -> VenueFill:
    return VenueFill(
        account=AccountId(row.account),
        fill_id=row.id,
        exchange_order_id=row.order_id,
        client_order_id=row.client_order_id,
        instrument=InstrumentId(row.instrument),
        margin_currency=row.margin_currency,
        side=row.side,
        quantity=row.quantity,
        price=row.price,
        fee=row.fee,
        fee_currency=row.fee_currency,
        at_ms=row.at_ms,
        stage=row.stage,
        cursor=str(row.number),
    )


def position(row: Row[Any]) -> Position:
    return Position(
        account=AccountId(row.account),
        instrument=InstrumentId(row.instrument),
        margin_currency=row.margin_currency,
        quantity=row.quantity,
        entry_price=row.entry_price,
        leverage=row.leverage,
        stop_loss=row.stop_loss,
        take_profit=row.take_profit,
        liquidation_price=row.liquidation_price,
    )
