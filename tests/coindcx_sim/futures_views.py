"""Futures state in the venue's words."""

from decimal import Decimal
from typing import Any

from tests.coindcx_sim import crossed
from tests.coindcx_sim.accounts import ZERO, Account, FuturesOrder, Position
from tests.coindcx_sim.answers import plain
from tests.coindcx_sim.spot_views import nothing
from tests.coindcx_sim.world import World


def order(world: World, each: FuturesOrder, *, status: str | None = None) -> dict[str, Any]:
    market = world.futures[each.pair]
    null = nothing(world)
    filled = each.filled
    return {
        "id": each.id,
        "pair": each.pair,
        "side": each.side,
        "status": status or each.status,
        "order_type": each.kind,
        "stop_trigger_instruction": "last_price",
        "notification": "no_notification",
        "leverage": each.leverage,
        "maker_fee": market.maker_fee,
        "taker_fee": market.taker_fee,
        "fee_amount": each.fee,
        "price": each.price,
        "stop_price": each.stop_price,
        "avg_price": each.spent / filled if filled else ZERO,
        "total_quantity": each.quantity,
        "remaining_quantity": each.remaining,
        "cancelled_quantity": each.cancelled,
        "ideal_margin": each.ideal_margin,
        "order_category": each.category or null,
        "stage": each.stage,
        "group_id": each.group_id or null,
        "liquidation_fee": null,
        "position_margin_type": each.margin_type,
        "display_message": null,
        "group_status": null,
        "metatags": null,
        "created_at": each.created_ms,
        "updated_at": each.updated_ms,
        "margin_currency_short_name": each.book,
        "settlement_currency_conversion_price": each.peg if each.book == "INR" else ZERO,
        "take_profit_price": null if each.take_profit is None else each.take_profit,
        "stop_loss_price": null if each.stop_loss is None else each.stop_loss,
    }


def position(world: World, account: Account, each: Position) -> dict[str, Any]:
    market = world.futures[each.pair]
    null = nothing(world)
    mark = world.tape.line(each.pair).mark_price
    size = abs(each.quantity)
    stops = stops_of(account, each)
    return {
        "id": each.id,
        "pair": each.pair,
        "active_pos": each.quantity,
        "inactive_pos_buy": ZERO,
        "inactive_pos_sell": ZERO,
        "avg_price": each.average,
        "liquidation_price": null
        if each.margin_type == "crossed" and size
        else liquidation_price(world, each),
        "locked_margin": each.locked_margin,
        "locked_user_margin": each.user_margin,
        "locked_order_margin": sum(
            (
                o.locked
                for o in account.open_futures.values()
                if (o.pair, o.book) == (each.pair, each.book)
            ),
            ZERO,
        ),
        "take_profit_trigger": stops["take_profit"].stop_price if stops["take_profit"] else null,
        "stop_loss_trigger": stops["stop_loss"].stop_price if stops["stop_loss"] else null,
        "leverage": null if each.leverage is None else each.leverage,
        "maintenance_margin": market.maintenance(size * mark) if size else null,
        "mark_price": mark if size else null,
        "margin_type": each.margin_type,
        "settlement_currency_avg_price": each.settlement_average if size else null,
        "margin_currency_short_name": each.book,
        "updated_at": each.updated_ms,
    }


def stops_of(account: Account, each: Position) -> dict[str, FuturesOrder | None]:
    found: dict[str, FuturesOrder | None] = {"stop_loss": None, "take_profit": None}
    for order in account.open_futures.values():
        if order.category == "complete_tpsl" and (order.pair, order.book) == (each.pair, each.book):
            leg = "stop_loss" if order.kind == "stop_market" else "take_profit"
            found[leg] = order
    return found


def liquidation_price(world: World, each: Position) -> Decimal:
    size = abs(each.quantity)
    if not size:
        return ZERO
    percent = world.futures[each.pair].safety_percent(size * each.average)
    sign = 1 if each.quantity > 0 else -1
    away = each.locked_margin / size - percent / 100 * each.average
    return max(ZERO, each.average - sign * away)


def wallet_id(account: Account, currency: str) -> str:
    return f"c5f0{account.number:04x}-0000-4000-8000-{currency.lower():0>12}"


def wallets(account: Account) -> list[dict[str, Any]]:
    return [
        {
            "id": wallet_id(account, currency),
            "currency_short_name": currency,
            "balance": f"{purse.free:f}",
            "locked_balance": f"{purse.locked:f}",
            "cross_order_margin": plain(crossed.ordered(account) if currency == "USDT" else ZERO),
            "cross_user_margin": plain(crossed.initial(account) if currency == "USDT" else ZERO),
        }
        for currency, purse in account.wallets.items()
    ]
