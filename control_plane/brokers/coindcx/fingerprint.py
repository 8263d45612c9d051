"""Which futures order is ours? They carry no id of ours, so everything else has to tell. Pure."""

from collections.abc import Iterable

from control_plane.brokers.coindcx.models import FuturesOrder
from control_plane.brokers.coindcx.views import FUTURES_TYPES
from control_plane.brokers.errors import Ambiguous
from control_plane.brokers.models import OrderRequest


def ours(
    order: OrderRequest, listed: Iterable[FuturesOrder], *, skew_ms: int, window_ms: int
) -> FuturesOrder | None:
    """The one that is; None if none is; `Ambiguous` if several could be.

    A venue may drop a stop that was sent along, so one that lacks ours is still ours if no other
    has it.
    """
    since, until = order.signed_ms - skew_ms, order.signed_ms + window_ms + skew_ms
    possible = [
        each
        for each in listed
        if since <= each.created_ms <= until
        and each.id not in order.taken
        and _similar(order, each)
    ]
    alike = [each for each in possible if order.closes or each.quantity == order.quantity]
    if not alike and sum(each.quantity for each in possible) == order.quantity:
        ids = ", ".join(each.id for each in possible)
        raise Ambiguous(f"CoinDCX made {len(possible)} orders of {order.client_order_id}: {ids}.")
    exact = [each for each in alike if _same_stops(order, each)]
    found = exact or alike
    if len(found) > 1:
        raise Ambiguous(
            f"{len(found)} orders at CoinDCX could be {order.client_order_id}: "
            f"{', '.join(each.id for each in found)}."
        )
    return found[0] if found else None


def _similar(order: OrderRequest, theirs: FuturesOrder) -> bool:
    """In everything but its quantity: a big order may have been split."""
    if (theirs.pair, theirs.side) != (order.instrument.pair, order.side):
        return False
    if theirs.margin_currency != order.margin_currency:
        return False
    if order.closes:
        return theirs.stage == "exit"
    return (
        theirs.stage == "default"
        and theirs.order_type == FUTURES_TYPES[order.kind]
        and theirs.leverage == order.leverage
        and (order.kind not in ("limit", "stop_limit") or theirs.price == order.price)
        and (order.trigger_price is None or theirs.stop_price == order.trigger_price)
    )


def _same_stops(order: OrderRequest, theirs: FuturesOrder) -> bool:
    return (theirs.stop_loss, theirs.take_profit) == (order.stop_loss, order.take_profit)
