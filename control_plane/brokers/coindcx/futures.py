"""The private calls of futures. Orders there carry no id of ours: a create's reply is matched by
everything else, and what is in doubt is looked for in the lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from control_plane.brokers.coindcx import parse, parse_futures
from control_plane.brokers.coindcx.calls import Call, NotOurs, act, post
from control_plane.brokers.coindcx.models import (
    BOOKS,
    FUTURES_STATUSES,
    Ack,
    FuturesOrder,
    FuturesTrade,
)
from control_plane.brokers.coindcx.wire import Value

F = "/exchange/v1/derivatives/futures"
LISTED = tuple(each for each in FUTURES_STATUSES if each != "initial")


@dataclass(frozen=True, slots=True)
class NewFuturesOrder:
    pair: str
    side: str
    order_type: str
    quantity: Decimal
    leverage: Decimal
    margin_currency: str
    price: Decimal | None = None
    stop_price: Decimal | None = None
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    time_in_force: str | None = None
    margin_type: str = "isolated"  # what the product trades: crossed puts the whole wallet at stake

    def fields(self) -> dict[str, Value]:
        if self.time_in_force is not None and self.order_type == "market_order":
            raise ValueError("a market order has no time in force")
        named: dict[str, Value] = {
            "side": self.side,
            "pair": self.pair,
            "order_type": self.order_type,
            "price": self.price,
            "stop_price": self.stop_price,
            "total_quantity": self.quantity,
            "leverage": self.leverage,
            "notification": "no_notification",
            "time_in_force": self.time_in_force,
            "margin_currency_short_name": self.margin_currency,
            "position_margin_type": self.margin_type,
            "take_profit_price": self.take_profit,
            "stop_loss_price": self.stop_loss,
        }
        return {key: value for key, value in named.items() if value is not None}


def create(order: NewFuturesOrder, *, signed_ms: int, skew_ms: int) -> Call[FuturesOrder]:
    def read(value: object) -> FuturesOrder:
        made = parse_futures.order(value)
        expect_order(order, made)
        if made.created_ms < signed_ms - skew_ms:
            raise NotOurs("the order is older than its request")
        return made

    return act(f"{F}/orders/create", read, order=order.fields())


def orders(
    side: str,
    statuses: Sequence[str] = LISTED,
    page: int = 1,
    size: int = 100,
    margin_currencies: Sequence[str] = BOOKS,
) -> Call[list[FuturesOrder]]:
    """Orders of one side, all pairs. A page that is not full says nothing about the next: ask until
    one is empty.
    """

    def read(value: object) -> list[FuturesOrder]:
        found = parse_futures.orders(value)
        if any(order.side != side for order in found):
            raise NotOurs("orders of the other side")
        return found

    return post(
        f"{F}/orders",
        read,
        status=",".join(statuses),
        side=side,
        page=str(page),
        size=str(size),
        margin_currency_short_name=list(margin_currencies),
    )


def cancel(order_id: str) -> Call[Ack]:
    return act(f"{F}/orders/cancel", parse.ack, id=order_id)


def edit(
    order_id: str,
    quantity: Decimal,
    price: Decimal,
    take_profit: Decimal | None = None,
    stop_loss: Decimal | None = None,
) -> Call[FuturesOrder]:
    """Open orders of the USDT book only."""

    def read(value: object) -> FuturesOrder:
        edited = parse_futures.order(value)
        if (edited.id, edited.quantity, edited.price) != (order_id, quantity, price):
            raise NotOurs("the reply describes another edit")
        return edited

    return act(
        f"{F}/orders/edit",
        read,
        id=order_id,
        total_quantity=quantity,
        price=price,
        take_profit_price=take_profit,
        stop_loss_price=stop_loss,
    )


def trades(
    pair: str, from_date: str, to_date: str, order_id: str | None = None, page: int = 1
) -> Call[list[FuturesTrade]]:
    """Newest first. The margin filter is known to have no effect: filter by the rows' own."""

    def read(value: object) -> list[FuturesTrade]:
        found = parse_futures.trades(value)
        if any(trade.pair != pair for trade in found):
            raise NotOurs("trades of another pair")
        return found

    return post(
        f"{F}/trades",
        read,
        pair=pair,
        from_date=from_date,
        to_date=to_date,
        order_id=order_id,
        page=str(page),
        size="100",
        margin_currency_short_name=list(BOOKS),
    )


def expect_order(wanted: NewFuturesOrder, made: FuturesOrder) -> None:
    for name, theirs, ours in (
        ("pair", made.pair, wanted.pair),
        ("side", made.side, wanted.side),
        ("order_type", made.order_type, wanted.order_type),
        ("total_quantity", made.quantity, wanted.quantity),
        ("margin_currency", made.margin_currency, wanted.margin_currency),
        ("leverage", made.leverage, wanted.leverage),
        ("margin_type", made.margin_type, wanted.margin_type),
        ("price", made.price, made.price if wanted.price is None else wanted.price),
        ("stop_price", made.stop_price, wanted.stop_price or made.stop_price),
    ):
        if theirs != ours:
            raise NotOurs(f"its {name} is {theirs}, not {ours}")
