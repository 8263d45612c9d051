"""The venue's orders, fills and positions in the port's words. Pure."""

from collections.abc import Mapping

from control_plane.brokers.coindcx.futures import NewFuturesOrder
from control_plane.brokers.coindcx.models import (
    FuturesOrder,
    FuturesTrade,
    Position,
    SpotOrder,
    SpotTrade,
)
from control_plane.brokers.coindcx.spot import NewOrder
from control_plane.brokers.errors import OrderRefused
from control_plane.brokers.models import (
    OrderKind,
    OrderRequest,
    OrderState,
    Stage,
    VenueFill,
    VenueOrder,
)
from control_plane.brokers.models import Position as VenuePosition
from control_plane.core.ids import AccountId, InstrumentId
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import ZERO

STATES: Mapping[str, OrderState] = {
    "init": "open",
    "initial": "open",
    "open": "open",
    "partially_filled": "partial",
    "untriggered": "untriggered",
    "filled": "filled",
    "partially_cancelled": "cancelled",
    "cancelled": "cancelled",
    "rejected": "rejected",
}
KINDS: Mapping[str, OrderKind] = {
    "limit_order": "limit",
    "market_order": "market",
    "stop_limit": "stop_limit",
    "stop_market": "stop_market",
    "take_profit_limit": "take_profit",
    "take_profit_market": "take_profit",
}
SPOT_TYPES: Mapping[OrderKind, str] = {
    "limit": "limit_order",
    "market": "market_order",
    "stop_limit": "stop_limit",
    "take_profit": "take_profit_limit",
}
FUTURES_TYPES: Mapping[OrderKind, str] = {
    "limit": "limit_order",
    "market": "market_order",
    "stop_limit": "stop_limit",
    "stop_market": "stop_market",
    "take_profit": "take_profit_market",
}


def market_name(instrument: Instrument) -> str:
    """What an order calls the market: the traded asset, then the one that prices it."""
    return f"{instrument.base}{instrument.quote}"


def new_spot(order: OrderRequest, *, stops_allowed: bool) -> NewOrder:
    kind = SPOT_TYPES.get(order.kind)
    if kind is None or (order.kind in ("stop_limit", "take_profit") and not stops_allowed):
        raise OrderRefused("order_type", f"No {order.kind} order can be sent on spot at CoinDCX.")
    return NewOrder(
        market=market_name(order.instrument),
        side=order.side,
        order_type=kind,
        quantity=order.quantity,
        client_order_id=order.client_order_id,
        price=None if order.kind == "market" else order.price,
        stop_price=order.trigger_price,
    )


def new_futures(order: OrderRequest, *, inline_stops: bool) -> NewFuturesOrder:
    carries = inline_stops and order.kind in ("market", "limit")
    return NewFuturesOrder(
        pair=order.instrument.pair,
        side=order.side,
        order_type=FUTURES_TYPES[order.kind],
        quantity=order.quantity,
        leverage=order.leverage,
        margin_currency=order.margin_currency,
        price=order.price if order.kind in ("limit", "stop_limit") else None,
        stop_price=order.trigger_price,
        take_profit=order.take_profit if carries else None,
        stop_loss=order.stop_loss if carries else None,
    )


def spot_view(account: AccountId, instrument: Instrument, order: SpotOrder) -> VenueOrder:
    kind = KINDS.get(order.order_type, "limit")
    return VenueOrder(
        account=account,
        exchange_order_id=order.id,
        client_order_id=order.client_order_id,
        instrument=InstrumentId(instrument.id),
        margin_currency="",
        side="buy" if order.side == "buy" else "sell",
        kind=kind,
        state=STATES[order.status],
        quantity=order.quantity,
        filled=order.filled if order.filled is not None else ZERO,
        price=order.price if kind != "market" and order.price else None,
        trigger_price=order.stop_price or None,
        created_ms=order.created_ms,
        reason="rejected by the venue after it was accepted"
        if order.status == "rejected"
        else None,
    )


def futures_view(account: AccountId, order: FuturesOrder) -> VenueOrder:
    kind = KINDS.get(order.order_type, "market")
    return VenueOrder(
        account=account,
        exchange_order_id=order.id,
        client_order_id="",
        instrument=InstrumentId(f"fut:{order.pair}"),
        margin_currency=order.margin_currency,
        side="buy" if order.side == "buy" else "sell",
        kind=kind,
        state=STATES[order.status],
        quantity=order.quantity,
        filled=order.filled,
        price=order.price if kind in ("limit", "stop_limit") else None,
        trigger_price=order.stop_price or None,
        created_ms=order.created_ms,
        stage=stage_of(order),
        reason="rejected by the venue after it was accepted"
        if order.status == "rejected"
        else None,
    )


def stage_of(order: FuturesOrder) -> Stage:
    match order.stage:
        case "exit":
            return "exit"
        case "liquidate" | "liquidation":
            return "liquidation"
        case "tpsl_exit":
            return "target" if order.order_type.startswith("take_profit") else "stop"
        case _:
            return "default"


def position_view(account: AccountId, held: Position) -> VenuePosition:
    return VenuePosition(
        account=account,
        instrument=InstrumentId(f"fut:{held.pair}"),
        margin_currency=held.margin_currency,
        quantity=held.quantity,
        entry_price=held.average_price,
        leverage=held.leverage or ZERO,
        stop_loss=held.stop_loss,
        take_profit=held.take_profit,
        liquidation_price=held.liquidation_price or None,
    )


def spot_fill(
    account: AccountId, instrument: InstrumentId, quote: str, trade: SpotTrade, client_id: str
) -> VenueFill:
    return VenueFill(
        account=account,
        fill_id=trade.id,
        exchange_order_id=trade.order_id,
        client_order_id=client_id,
        instrument=instrument,
        margin_currency="",
        side="buy" if trade.side == "buy" else "sell",
        quantity=trade.quantity,
        price=trade.price,
        fee=trade.fee,
        fee_currency=quote,
        at_ms=trade.at_ms,
        stage="default",
        cursor="",
    )


def futures_fill(account: AccountId, trade: FuturesTrade, stage: Stage) -> VenueFill:
    """Fees are told in USDT in both books."""
    return VenueFill(
        account=account,
        fill_id=trade.fill_id or f"{trade.order_id}/{trade.at_ms}/{trade.quantity}/{trade.price}",
        exchange_order_id=trade.order_id,
        client_order_id="",
        instrument=InstrumentId(f"fut:{trade.pair}"),
        margin_currency=trade.margin_currency,
        side="buy" if trade.side == "buy" else "sell",
        quantity=trade.quantity,
        price=trade.price,
        fee=trade.fee,
        fee_currency="USDT",
        at_ms=trade.at_ms,
        stage=stage,
        cursor="",
    )
