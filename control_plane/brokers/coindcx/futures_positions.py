"""The private calls of futures that are about positions, their stops and margin, and wallets."""

from collections.abc import Sequence
from decimal import Decimal

from control_plane.brokers.coindcx import parse, parse_futures
from control_plane.brokers.coindcx.calls import Call, NotOurs, act, post
from control_plane.brokers.coindcx.futures import F
from control_plane.brokers.coindcx.models import (
    BOOKS,
    Ack,
    CrossMargin,
    Position,
    StopsPlaced,
    Transaction,
    Wallet,
    WalletTransaction,
)
from control_plane.brokers.coindcx.wire import Value


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


def _trigger(price: Decimal, order_type: str) -> dict[str, Value]:
    return {"stop_price": f"{price.normalize():f}", "order_type": order_type}
