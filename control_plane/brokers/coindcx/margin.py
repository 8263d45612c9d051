"""Margin orders. The product reads and closes those that a trader has and makes none of its own;
the rest of the calls is there for whoever works on an account by hand.
"""

from dataclasses import dataclass
from decimal import Decimal

from control_plane.brokers.coindcx import parse, parse_futures
from control_plane.brokers.coindcx.calls import Call, NotOurs, act, post
from control_plane.brokers.coindcx.models import Ack, MarginOrder
from control_plane.brokers.coindcx.wire import Value

MARGIN = "/exchange/v1/margin"
ECODE = "B"  # the only one that the docs know here


@dataclass(frozen=True, slots=True)
class NewMarginOrder:
    market: str
    side: str
    order_type: str  # market_order | limit_order | stop_limit | take_profit
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    leverage: Decimal | None = None
    target_price: Decimal | None = None
    trailing_stop: bool | None = None

    def fields(self) -> dict[str, Value]:
        if (self.price is None) != (self.order_type == "market_order"):
            raise ValueError("all but a market order have a price")
        if (self.stop_price is None) == (self.order_type in ("stop_limit", "take_profit")):
            raise ValueError("a stop or a target has a stop price, and nothing else")
        named: dict[str, Value] = {
            "market": self.market,
            "side": self.side,
            "order_type": self.order_type,
            "quantity": self.quantity,
            "price": self.price,
            "stop_price": self.stop_price,
            "leverage": self.leverage,
            "target_price": self.target_price,
            "trailing_sl": self.trailing_stop,
            "ecode": ECODE,
        }
        return {key: value for key, value in named.items() if value is not None}


def create(order: NewMarginOrder) -> Call[MarginOrder]:
    def read(value: object) -> MarginOrder:
        found = parse_futures.margin_orders(value)
        if len(found) != 1:
            raise NotOurs(f"{len(found)} orders for one")
        made = found[0]
        asked = (order.market, order.side, order.order_type, order.quantity)
        if (made.market, made.side, made.order_type, made.quantity) != asked:
            raise NotOurs("the reply describes another order")
        return made

    return act(f"{MARGIN}/create", read, **order.fields())


def orders(
    market: str | None = None,
    status: str | None = None,
    page: int = 1,
    size: int = 100,
    *,
    details: bool = False,
) -> Call[list[MarginOrder]]:
    """With `details` each with its legs, whose ids `edit_price_of_target_order` wants."""
    return post(
        f"{MARGIN}/fetch_orders",
        parse_futures.margin_orders,
        market=market,
        status=status,
        details=details,
        page=page,
        size=size,
    )


def order(order_id: str, *, details: bool = False) -> Call[list[MarginOrder]]:
    return post(f"{MARGIN}/order", parse_futures.margin_orders, id=order_id, details=details)


def exit_order(order_id: str) -> Call[Ack]:
    return act(f"{MARGIN}/exit", parse.ack, id=order_id)


def cancel(order_id: str) -> Call[Ack]:
    return act(f"{MARGIN}/cancel", parse.ack, id=order_id)


def edit_target(order_id: str, price: Decimal) -> Call[Ack]:
    """While it has one target order at most."""
    return act(f"{MARGIN}/edit_target", parse.ack, id=order_id, target_price=price)


def edit_price_of_target_order(order_id: str, target_order: int, price: Decimal) -> Call[Ack]:
    """Of one of several: `target_order` is its leg's id."""
    return act(
        f"{MARGIN}/edit_price_of_target_order",
        parse.ack,
        id=order_id,
        target_price=price,
        itpo_id=target_order,
    )


def edit_stop(order_id: str, price: Decimal, *, is_trailing: bool) -> Call[Ack]:
    """Trailing stops and others have routes of their own, each refusing the other's orders."""
    route = "edit_trailing_sl" if is_trailing else "edit_sl"
    return act(f"{MARGIN}/{route}", parse.ack, id=order_id, sl_price=price)


def add_margin(order_id: str, amount: Decimal) -> Call[Ack]:
    return act(f"{MARGIN}/add_margin", parse.ack, id=order_id, amount=amount)


def remove_margin(order_id: str, amount: Decimal) -> Call[Ack]:
    return act(f"{MARGIN}/remove_margin", parse.ack, id=order_id, amount=amount)
