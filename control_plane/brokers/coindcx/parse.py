"""Payloads of spot, of wallets and of acknowledgements, to models. Pure.

Every form that the reference lists parses to one model; every other raises `Odd`. A form that is
wrong in meaning (more remaining than ordered, a status nobody documented) is `Odd` as well: what
cannot be trusted is not half used.
"""

from hashlib import sha256
from typing import TypeVar

from control_plane.brokers.coindcx.document import Odd
from control_plane.brokers.coindcx.models import (
    SIDES,
    SPOT_STATUSES,
    Ack,
    Balance,
    Rejected,
    SpotOrder,
    SpotTrade,
    User,
    Wallet,
    WalletTransaction,
)
from control_plane.brokers.coindcx.values import Row, rows, shown

T = TypeVar("T")

SUCCESS = ("success", 200, "200", "ok")


def listed(value: object, name: str, key: str = "orders") -> list[Row]:
    """The rows of a reply, whether wrapped in an object, bare, or a single bare row."""
    if isinstance(value, dict):
        return rows(value[key], name) if key in value else [Row.of(value, name)]
    return rows(value, name)


def single(value: object, name: str, key: str = "orders") -> Row:
    found = listed(value, name, key)
    if len(found) != 1:
        raise Odd(f"{name} holds {len(found)} rows instead of one")
    return found[0]


def balances(value: object) -> list[Balance]:
    found = [
        Balance(row.text("currency"), row.unsigned("balance"), row.unsigned_or("locked_balance"))
        for row in rows(value, "balances")
    ]
    return distinct(found, [each.currency for each in found], "balances")


def user(value: object) -> User:
    name = single(value, "user", "users").id("coindcx_id")
    return User(sha256(name.encode()).hexdigest())


def spot_order(value: object) -> SpotOrder:
    return spot_row(single(value, "order"))


def spot_orders(value: object) -> list[SpotOrder]:
    found = [spot_row(row) for row in listed(value, "orders")]
    return distinct(found, [each.id for each in found], "orders")


def spot_batch(value: object) -> list[SpotOrder | Rejected]:
    """Each element of a batch has its own fate; only the whole may be wrong."""
    if not isinstance(value, dict) or "orders" not in value:
        raise Odd("the batch is not wrapped in orders")
    return [_batched(row) for row in rows(value["orders"], "orders")]


def spot_row(row: Row) -> SpotOrder:
    status = row.word("status", SPOT_STATUSES)
    quantity, remaining = row.positive("total_quantity"), row.unsigned("remaining_quantity")
    if remaining > quantity:
        raise Odd(f"{row.name} has {remaining} of {quantity} remaining")
    if status == "filled" and remaining:
        raise Odd(f"{row.name} is filled but has {remaining} remaining")
    cancelled = row.maybe_unsigned("cancelled_quantity")
    if cancelled is not None and cancelled > quantity:
        raise Odd(f"{row.name} has {cancelled} of {quantity} cancelled")

    return SpotOrder(
        id=row.id("id"),
        client_order_id=row.text_or("client_order_id"),
        market=row.text("market"),
        side=row.word("side", SIDES),
        order_type=row.text("order_type"),
        status=status,
        quantity=quantity,
        remaining=remaining,
        price=row.unsigned_or("price_per_unit"),
        average_price=row.unsigned_or("avg_price"),
        stop_price=row.unsigned_or("stop_price"),
        fee=row.amount_or("fee_amount"),
        cancelled=cancelled,
        created_ms=row.time_ms("created_at"),
        updated_ms=row.time_ms_or("updated_at"),
    )


def spot_trades(value: object) -> list[SpotTrade]:
    found = [
        SpotTrade(
            id=row.id("id"),
            order_id=row.id("order_id"),
            market=row.text("symbol"),
            side=row.word("side", SIDES),
            quantity=row.positive("quantity"),
            price=row.positive("price"),
            fee=row.amount("fee_amount"),
            at_ms=row.time_ms("timestamp"),
            ecode=row.text_or("ecode"),
        )
        for row in rows(value, "trades")
    ]
    return distinct(found, [each.id for each in found], "trades")


def open_count(value: object) -> int:
    return Row.of(value, "count").count("count")


def ack(value: object) -> Ack:
    """The forms of success: a word or a number as status, a word or a number as message."""
    row = Row.of(value, "acknowledgement")
    if row.fields.get("status") not in SUCCESS or row.count_or("code", 200) != 200:
        raise Odd("the acknowledgement does not say success")
    if row.has("errorCode") or "message" not in row.fields:
        raise Odd("the acknowledgement does not say success")
    data = row.fields.get("data")
    return Ack(Row.of(data, "data").text_or("group_id") if isinstance(data, dict) else "")


def wallets(value: object) -> list[Wallet]:
    found = [
        Wallet(
            id=row.id_or("id"),
            currency=row.text("currency_short_name"),
            balance=row.amount("balance"),
            locked=row.unsigned_or("locked_balance"),
            cross_order=row.unsigned_or("cross_order_margin"),
            cross_user=row.amount_or("cross_user_margin"),
        )
        for row in rows(value, "wallets")
    ]
    return distinct(found, [each.currency for each in found], "wallets")


def wallet_transactions(value: object) -> list[WalletTransaction]:
    return [
        WalletTransaction(
            wallet_id=row.id_or("derivatives_futures_wallet_id"),
            kind=row.word("transaction_type", ("debit", "credit")),
            amount=row.amount("amount"),
            currency=row.text("currency_short_name"),
            reason=row.text_or("reason"),
            at_ms=row.time_ms("created_at"),
        )
        for row in rows(value, "wallet transactions")
    ]


def distinct(found: list[T], keys: list[str], name: str) -> list[T]:
    """One thing told twice in one reply contradicts itself."""
    if len(set(keys)) != len(keys):
        raise Odd(f"{name} holds one row twice")
    return found


def _batched(row: Row) -> SpotOrder | Rejected:
    if "error_message" in row.fields:
        return Rejected(shown(row.fields["error_message"]))
    return spot_row(row)
