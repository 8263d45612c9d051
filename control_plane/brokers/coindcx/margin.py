"""Margin orders, of which the product only reads and closes those that a trader has."""

from control_plane.brokers.coindcx import parse, parse_futures
from control_plane.brokers.coindcx.calls import Call, act, post
from control_plane.brokers.coindcx.models import Ack, MarginOrder

MARGIN = "/exchange/v1/margin"


def orders(
    market: str | None = None, status: str | None = None, page: int = 1, size: int = 100
) -> Call[list[MarginOrder]]:
    return post(
        f"{MARGIN}/fetch_orders",
        parse_futures.margin_orders,
        market=market,
        status=status,
        details=False,
        page=page,
        size=size,
    )


def order(order_id: str) -> Call[list[MarginOrder]]:
    return post(f"{MARGIN}/order", parse_futures.margin_orders, id=order_id, details=False)


def exit_order(order_id: str) -> Call[Ack]:
    return act(f"{MARGIN}/exit", parse.ack, id=order_id)


def cancel(order_id: str) -> Call[Ack]:
    return act(f"{MARGIN}/cancel", parse.ack, id=order_id)
