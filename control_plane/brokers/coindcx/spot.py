"""The private calls of spot. A reply that describes another order than the one asked for, or
somebody else's, is `NotOurs`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from control_plane.brokers.coindcx import parse
from control_plane.brokers.coindcx.calls import ORDER_REPLY, Bucket, Call, NotOurs, act, post
from control_plane.brokers.coindcx.models import Ack, Balance, Rejected, SpotOrder, SpotTrade, User
from control_plane.brokers.coindcx.wire import Value

ORDERS = "/exchange/v1/orders"
BATCH = 10
MAX_CLIENT_ID = 36
PAGE = 200


@dataclass(frozen=True, slots=True)
class NewOrder:
    market: str  # coindcx_name
    side: str
    order_type: str
    quantity: Decimal
    client_order_id: str
    price: Decimal | None = None
    stop_price: Decimal | None = None

    def fields(self) -> dict[str, Value]:
        named: dict[str, Value] = {
            "side": self.side,
            "order_type": self.order_type,
            "market": self.market,
            "price_per_unit": self.price,
            "stop_price": self.stop_price,
            "total_quantity": self.quantity,
            "client_order_id": self.client_order_id,
        }
        return {key: value for key, value in named.items() if value is not None}


def balances() -> Call[list[Balance]]:
    return post("/exchange/v1/users/balances", parse.balances)


def user() -> Call[User]:
    return post("/exchange/v1/users/info", parse.user)


def create(order: NewOrder, *, require_echo: bool, signed_ms: int, skew_ms: int) -> Call[SpotOrder]:
    if not 0 < len(order.client_order_id) <= MAX_CLIENT_ID:
        raise ValueError("a client order id has 1 to 36 characters")

    def read(value: object) -> SpotOrder:
        made = parse.spot_order(value)
        expect_order(order, made, require_echo=require_echo)
        if made.created_ms < signed_ms - skew_ms:
            raise NotOurs("the order is older than its request")
        return made

    return act(f"{ORDERS}/create", read, **order.fields())


def create_multiple(
    orders: Sequence[NewOrder], *, require_echo: bool, signed_ms: int
) -> Call[list[SpotOrder | Rejected]]:
    """INR markets only. Each element has its own fate; their order is believed only where each
    matches its request.
    """
    _batched(orders)

    def read(value: object) -> list[SpotOrder | Rejected]:
        made = parse.spot_batch(value)
        if len(made) != len(orders):
            raise NotOurs(f"{len(made)} elements for {len(orders)} orders")
        for wanted, each in zip(orders, made, strict=True):
            if isinstance(each, SpotOrder):
                expect_order(wanted, each, require_echo=require_echo)
        return made

    rows: list[Value] = [
        {**order.fields(), "ecode": "I", "timestamp": signed_ms} for order in orders
    ]
    return act(f"{ORDERS}/create_multiple", read, orders=rows)


def status(order_id: str | None = None, client_order_id: str | None = None) -> Call[SpotOrder]:
    def read(value: object) -> SpotOrder:
        found = parse.spot_order(value)
        _expect_same(found, order_id, client_order_id)
        return found

    fields = _named(order_id, client_order_id)
    return replace(post(f"{ORDERS}/status", read, **fields), reply_limit=ORDER_REPLY)


def status_multiple(
    ids: Sequence[str] = (), client_order_ids: Sequence[str] = ()
) -> Call[list[SpotOrder]]:
    """Unknown ids are left out, so an absence proves nothing until `status` says the same."""
    _batched(ids or client_order_ids)

    def read(value: object) -> list[SpotOrder]:
        found = parse.spot_orders(value)
        for order in found:
            if not (order.id in ids or order.client_order_id in client_order_ids):
                raise NotOurs(f"order {order.id} was not asked for")
        return found

    fields: dict[str, Value] = (
        {"ids": [_id(each) for each in ids]}
        if ids
        else {"client_order_ids": list(client_order_ids)}
    )
    return post(f"{ORDERS}/status_multiple", read, **fields)


def active_orders(
    market: str, side: str | None = None, page: int = 1, size: int = PAGE
) -> Call[list[SpotOrder]]:
    call = post(
        f"{ORDERS}/active_orders",
        _of_market(market),
        market=market,
        side=side,
        page=page,
        size=size,
    )
    return replace(call, bucket=Bucket.ACTIVE_ORDERS)


def active_orders_count(market: str, side: str | None = None) -> Call[int]:
    return post(f"{ORDERS}/active_orders_count", parse.open_count, market=market, side=side)


def trade_history(
    from_id: int | None = None,
    limit: int = 500,
    market: str | None = None,
    since_ms: int | None = None,
) -> Call[list[SpotTrade]]:
    """Fills after an id, oldest first: the account's only cursor."""

    def read(value: object) -> list[SpotTrade]:
        found = parse.spot_trades(value)
        if market is not None and any(trade.market != market for trade in found):
            raise NotOurs("trades of another market")
        return sorted(found, key=lambda trade: (len(trade.id), trade.id))

    return post(
        f"{ORDERS}/trade_history",
        read,
        from_id=from_id,
        limit=limit,
        sort="asc",
        from_timestamp=since_ms,
        symbol=market,
    )


def cancel(order_id: str | None = None, client_order_id: str | None = None) -> Call[Ack]:
    return act(f"{ORDERS}/cancel", parse.ack, **_named(order_id, client_order_id))


def cancel_by_ids(ids: Sequence[str] = (), client_order_ids: Sequence[str] = ()) -> Call[Ack]:
    _batched(ids or client_order_ids)
    fields: dict[str, Value] = (
        {"ids": [_id(each) for each in ids]}
        if ids
        else {"client_order_ids": list(client_order_ids)}
    )
    call = act(f"{ORDERS}/cancel_by_ids", parse.ack, **fields)
    return replace(call, bucket=Bucket.CANCEL_BY_IDS)


def cancel_all(market: str, side: str | None = None) -> Call[Ack]:
    """Ends the owner's own orders of that market too: for an emergency that a person ordered."""
    call = act(f"{ORDERS}/cancel_all", parse.ack, market=market, side=side)
    return replace(call, bucket=Bucket.CANCEL_ALL)


def edit(
    price: Decimal, order_id: str | None = None, client_order_id: str | None = None
) -> Call[SpotOrder]:
    def read(value: object) -> SpotOrder:
        edited = parse.spot_order(value)
        _expect_same(edited, order_id, client_order_id)
        if edited.price != price:
            raise NotOurs(f"the price is {edited.price}, not {price}")
        return edited

    return act(f"{ORDERS}/edit", read, **_named(order_id, client_order_id), price_per_unit=price)


def expect_order(wanted: NewOrder, made: SpotOrder, *, require_echo: bool) -> None:
    """The reply describes the request, or it is not believed."""
    if made.client_order_id != wanted.client_order_id and (made.client_order_id or require_echo):
        raise NotOurs(f"its client order id is {made.client_order_id!r}")
    for name, theirs, ours in (
        ("market", made.market, wanted.market),
        ("side", made.side, wanted.side),
        ("order_type", made.order_type, wanted.order_type),
        ("total_quantity", made.quantity, wanted.quantity),
        ("price_per_unit", made.price, made.price if wanted.price is None else wanted.price),
    ):
        if theirs != ours:
            raise NotOurs(f"its {name} is {theirs}, not {ours}")


def _expect_same(found: SpotOrder, order_id: str | None, client_order_id: str | None) -> None:
    if order_id is not None and found.id != order_id:
        raise NotOurs(f"it is order {found.id}, not {order_id}")
    if client_order_id is not None and found.client_order_id not in ("", client_order_id):
        raise NotOurs(f"its client order id is {found.client_order_id!r}")


def _of_market(market: str) -> Callable[[object], list[SpotOrder]]:
    def read(value: object) -> list[SpotOrder]:
        found = parse.spot_orders(value)
        if any(order.market != market for order in found):
            raise NotOurs("orders of another market")
        return found

    return read


def _named(order_id: str | None, client_order_id: str | None) -> dict[str, Value]:
    if order_id is not None:
        return {"id": _id(order_id)}
    if client_order_id is None:
        raise ValueError("an order is named by its id or its client order id")
    return {"client_order_id": client_order_id}


def _batched(items: Sequence[object]) -> None:
    if not 1 <= len(items) <= BATCH:
        raise ValueError(f"a batch holds 1 to {BATCH}")


def _id(order_id: str) -> int | str:
    """Digits go as a number; an id from before mid-2026 is a UUID."""
    return int(order_id) if order_id.isdecimal() else order_id
