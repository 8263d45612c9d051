"""Spot state in the venue's words, as the switches have it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.coindcx_sim.accounts import ZERO, Account, SpotOrder
from tests.coindcx_sim.world import World


def order(world: World, order: SpotOrder, *, event: bool = False) -> dict[str, Any]:
    market = world.spot[order.market]
    switches = world.switches
    filled = order.filled
    remaining = order.remaining
    if order.status in ("cancelled", "partially_cancelled") and (
        switches.remaining_after_cancel == "zero"
    ):
        remaining = ZERO
    row: dict[str, Any] = {
        "id": order.id if switches.ids == "number" and not event else str(order.id),
        "client_order_id": order.client_order_id if switches.echo else nothing(world),
        "market": order.market,
        "order_type": order.kind,
        "side": order.side,
        "status": order.status,
        "fee_amount": order.fee,
        "fee": order.fee_percent,
        "maker_fee": order.fee_percent,
        "taker_fee": order.fee_percent,
        "total_quantity": order.quantity,
        "remaining_quantity": remaining,
        "avg_price": order.spent / filled if filled else ZERO,
        "price_per_unit": order.price,
        "time_in_force": "good_till_cancel",
        "stop_price": order.stop_price,
        "created_at": iso(order.created_ms) if switches.dates == "iso" else order.created_ms,
        "updated_at": iso(order.updated_ms) if switches.dates == "iso" else order.updated_ms,
        "source": "web",
        "trades": nothing(world),
        "base_currency_name": nothing(world),
        "target_currency_name": nothing(world),
        "base_currency_short_name": market.base,
        "target_currency_short_name": market.target,
        "base_currency_precision": market.price_decimals,
        "target_currency_precision": market.quantity_decimals,
    }
    if event:
        row["cancelled_quantity"] = order.remaining if "cancelled" in order.status else ZERO
    return row


def active(world: World, account: Account, each: SpotOrder) -> dict[str, Any]:
    """A row of `active_orders`: the order, whose it is, and dates as ISO 8601."""
    row = order(world, each)
    row["user_id"] = account.user_id
    row["ecode"] = world.spot[each.market].pair.split("-")[0]
    row["market_order_locked"] = each.locked
    row["locked_spot_balance"] = True
    row["created_at"] = iso(each.created_ms)
    row["updated_at"] = iso(each.updated_ms)
    return row


def balances(world: World, account: Account) -> list[dict[str, Any]]:
    with_locked = world.switches.balance_includes_locked
    return [
        {
            "currency": currency,
            "balance": purse.free + purse.locked if with_locked else purse.free,
            "locked_balance": purse.locked,
        }
        for currency, purse in account.purses.items()
    ]


def balance_event(account: Account, currencies: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {
            "id": account.user_id,
            "balance": str(account.purse(currency).free),
            "locked_balance": str(account.purse(currency).locked),
            "currency_id": f"cfe01e2a-{currency}",
            "currency_short_name": currency,
        }
        for currency in currencies
    ]


def trade_event(order: SpotOrder, trade: dict[str, Any]) -> dict[str, Any]:
    return {
        "o": trade["order_id"],
        "c": order.client_order_id,
        "t": str(trade["id"]),
        "s": trade["symbol"],
        "p": str(trade["price"]),
        "q": str(trade["quantity"]),
        "T": trade["timestamp"],
        "m": False,
        "f": str(trade["fee_amount"]),
        "e": trade["ecode"],
        "x": order.status,
    }


def nothing(world: World) -> str | None:
    return "None" if world.switches.nulls == "None" else None


def iso(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def exact_text(value: Decimal | int) -> str:
    return f"{Decimal(value):f}"
