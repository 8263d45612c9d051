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
    CrossMargin,
    FuturesOrder,
    FuturesTrade,
    Position,
    StopsPlaced,
    Transaction,
    Wallet,
    WalletTransaction,
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
            "position_margin_type": "isolated",
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


def positions(
    pairs: Sequence[str] = (),
    page: int = 1,
    size: int = 100,
    margin_currencies: Sequence[str] = BOOKS,
) -> Call[list[Position]]:
    """Both books: positions of the INR book are invisible to who does not ask for them."""

    def read(value: object) -> list[Position]:
        found = parse_futures.positions(value)
        if pairs and any(position.pair not in pairs for position in found):
            raise NotOurs("positions of other pairs")
        return found

    return post(
        f"{F}/positions",
        read,
        page=str(page),
        size=str(size),
        pairs=",".join(pairs) or None,
        margin_currency_short_name=list(margin_currencies),
    )


def update_leverage(pair: str, leverage: Decimal, margin_currency: str) -> Call[Ack]:
    return act(
        f"{F}/positions/update_leverage",
        parse.ack,
        leverage=f"{leverage.normalize():f}",
        pair=pair,
        margin_currency_short_name=margin_currency,
    )


def add_margin(position_id: str, amount: Decimal) -> Call[Ack]:
    return act(f"{F}/positions/add_margin", parse.ack, id=position_id, amount=amount)


def remove_margin(position_id: str, amount: Decimal) -> Call[Ack]:
    return act(f"{F}/positions/remove_margin", parse.ack, id=position_id, amount=amount)


def cancel_all_open_orders(margin_currencies: Sequence[str] = BOOKS) -> Call[Ack]:
    return act(
        f"{F}/positions/cancel_all_open_orders",
        parse.ack,
        margin_currency_short_name=list(margin_currencies),
    )


def cancel_position_orders(position_id: str) -> Call[Ack]:
    return act(f"{F}/positions/cancel_all_open_orders_for_position", parse.ack, id=position_id)


def exit_position(position_id: str) -> Call[Ack]:
    """At market, the whole of it: it can never open the other side."""
    return act(f"{F}/positions/exit", parse.ack, id=position_id)


def create_tpsl(
    position_id: str, stop_loss: Decimal | None, take_profit: Decimal | None
) -> Call[StopsPlaced]:
    """For the whole position. Each leg of the reply has its own fate."""
    if stop_loss is None and take_profit is None:
        raise ValueError("a stop, a target, or both")

    def read(value: object) -> StopsPlaced:
        placed = parse_futures.stops_placed(value)
        if (stop_loss is not None and placed.stop_loss is None) or (
            take_profit is not None and placed.take_profit is None
        ):
            raise NotOurs("the reply is silent about a leg")
        return placed

    fields: dict[str, Value] = {"id": position_id}
    if take_profit is not None:
        fields["take_profit"] = _trigger(take_profit, "take_profit_market")
    if stop_loss is not None:
        fields["stop_loss"] = _trigger(stop_loss, "stop_market")
    return act(f"{F}/positions/create_tpsl", read, **fields)


def margin_type(pair: str, kind: str) -> Call[list[Position]]:
    return act(f"{F}/positions/margin_type", parse_futures.positions, pair=pair, margin_type=kind)


def transactions(
    stage: str = "all", page: int = 1, size: int = 100, margin_currencies: Sequence[str] = BOOKS
) -> Call[list[Transaction]]:
    return post(
        f"{F}/positions/transactions",
        parse_futures.transactions,
        stage=stage,
        page=str(page),
        size=str(size),
        margin_currency_short_name=list(margin_currencies),
    )


def cross_margin_details() -> Call[CrossMargin]:
    return Call("GET", f"{F}/positions/cross_margin_details", parse_futures.cross_margin)


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


def wallets() -> Call[list[Wallet]]:
    """A signed GET with a body; a POST is answered with 404."""
    return Call("GET", f"{F}/wallets", parse.wallets)


def wallet_transactions(page: int = 1, size: int = 1000) -> Call[list[WalletTransaction]]:
    return Call(
        "GET",
        f"{F}/wallets/transactions",
        parse.wallet_transactions,
        query={"page": page, "size": size},
    )


def expect_order(wanted: NewFuturesOrder, made: FuturesOrder) -> None:
    for name, theirs, ours in (
        ("pair", made.pair, wanted.pair),
        ("side", made.side, wanted.side),
        ("order_type", made.order_type, wanted.order_type),
        ("total_quantity", made.quantity, wanted.quantity),
        ("margin_currency", made.margin_currency, wanted.margin_currency),
        ("leverage", made.leverage, wanted.leverage),
        ("price", made.price, made.price if wanted.price is None else wanted.price),
        ("stop_price", made.stop_price, wanted.stop_price or made.stop_price),
    ):
        if theirs != ours:
            raise NotOurs(f"its {name} is {theirs}, not {ours}")


def _trigger(price: Decimal, order_type: str) -> dict[str, Value]:
    return {"stop_price": f"{price.normalize():f}", "order_type": order_type}
