"""Payloads of futures and margin, to models. Pure; the same rules as in `parse`."""

from decimal import Decimal

from control_plane.brokers.coindcx.document import Odd
from control_plane.brokers.coindcx.models import (
    BOOKS,
    FUTURES_STATUSES,
    MARGIN_STATUSES,
    MARGIN_TYPES,
    SIDES,
    CrossMargin,
    FuturesOrder,
    FuturesTrade,
    Leg,
    Lent,
    MarginLeg,
    MarginOrder,
    Position,
    StopsPlaced,
    Transaction,
)
from control_plane.brokers.coindcx.parse import distinct
from control_plane.brokers.coindcx.values import Row, rows, shown

# A float's last digits at the venue: an order may look overfilled by this share of itself.
TAIL = Decimal("1e-9")


def order(value: object) -> FuturesOrder:
    """The one order of a create or an edit; a split one cannot be told from another's."""
    found = orders(value)
    if len(found) != 1:
        raise Odd(f"the reply holds {len(found)} orders instead of one")
    return found[0]


def orders(value: object) -> list[FuturesOrder]:
    found = [order_row(row) for row in rows(value, "orders")]
    return distinct(found, [each.id for each in found], "orders")


def order_row(row: Row) -> FuturesOrder:
    quantity, remaining = row.unsigned("total_quantity"), row.unsigned("remaining_quantity")
    cancelled = row.unsigned_or("cancelled_quantity")
    if remaining + cancelled > quantity * (1 + TAIL):
        raise Odd(f"{row.name} has {remaining} and {cancelled} of {quantity} left over")
    status = row.word("status", FUTURES_STATUSES)
    if status == "filled" and remaining:
        raise Odd(f"{row.name} is filled but has {remaining} remaining")

    return FuturesOrder(
        id=row.id("id"),
        pair=row.text("pair"),
        side=row.word("side", SIDES),
        order_type=row.text("order_type"),
        status=status,
        quantity=quantity,
        remaining=remaining,
        cancelled=cancelled,
        price=row.unsigned_or("price"),
        stop_price=row.unsigned_or("stop_price"),
        average_price=row.unsigned_or("avg_price"),
        fee=row.amount_or("fee_amount"),
        leverage=row.unsigned_or("leverage"),
        margin_currency=row.word_or("margin_currency_short_name", BOOKS, "USDT"),
        margin_type=row.word_or("position_margin_type", MARGIN_TYPES, "isolated"),
        take_profit=row.maybe_unsigned("take_profit_price"),
        stop_loss=row.maybe_unsigned("stop_loss_price"),
        stage=row.text_or("stage", "default"),
        group_id=row.text_or("group_id"),
        created_ms=row.time_ms("created_at"),
        updated_ms=row.time_ms_or("updated_at"),
    )


def positions(value: object) -> list[Position]:
    found = [position_row(row) for row in rows(value, "positions")]
    return distinct(found, [f"{p.pair} {p.margin_currency}" for p in found], "positions")


def position_row(row: Row) -> Position:
    quantity, average = row.amount("active_pos"), row.unsigned_or("avg_price")
    if quantity and not average:
        raise Odd(f"{row.name} holds {quantity} at no price")

    return Position(
        id=row.id("id"),
        pair=row.text("pair"),
        margin_currency=row.word_or("margin_currency_short_name", BOOKS, "USDT"),
        quantity=quantity,
        average_price=average,
        liquidation_price=row.amount_or("liquidation_price"),
        locked_margin=row.amount_or("locked_margin"),
        locked_user_margin=row.amount_or("locked_user_margin"),
        locked_order_margin=row.amount_or("locked_order_margin"),
        leverage=row.maybe_unsigned("leverage"),
        maintenance_margin=row.maybe_unsigned("maintenance_margin"),
        mark_price=row.maybe_unsigned("mark_price"),
        margin_type=row.word_or("margin_type", MARGIN_TYPES, "isolated"),
        take_profit=row.maybe_unsigned("take_profit_trigger"),
        stop_loss=row.maybe_unsigned("stop_loss_trigger"),
        updated_ms=row.time_ms_or("updated_at"),
    )


def stops_placed(value: object) -> StopsPlaced:
    """A 200 whose halves may each have failed."""
    row = Row.of(value, "stops")
    loss, profit = _leg(row, "stop_loss"), _leg(row, "take_profit")
    if loss is None and profit is None:
        raise Odd("the reply names neither stop nor target")
    return StopsPlaced(loss, profit)


def trades(value: object) -> list[FuturesTrade]:
    found = [
        FuturesTrade(
            fill_id=row.id_or("fill_id"),
            order_id=row.id("order_id"),
            pair=row.text("pair"),
            side=row.word("side", SIDES),
            quantity=row.positive("quantity"),
            price=row.positive("price"),
            fee=row.amount("fee_amount"),
            is_maker=row.flag_or("is_maker"),
            margin_currency=row.word_or("margin_currency_short_name", BOOKS, "USDT"),
            at_ms=row.time_ms("timestamp"),
        )
        for row in rows(value, "trades")
    ]
    named = [each.fill_id for each in found if each.fill_id]
    distinct(named, named, "trades")
    return found


def transactions(value: object) -> list[Transaction]:
    return [
        Transaction(
            pair=row.text("pair"),
            stage=row.text("stage"),
            amount=row.amount("amount"),
            fee=row.amount_or("fee_amount"),
            margin_currency=row.word_or("margin_currency_short_name", BOOKS, "USDT"),
            parent_id=row.id_or("parent_id"),
            position_id=row.id_or("position_id"),
            source=row.text_or("source"),
            at_ms=row.time_ms("created_at"),
        )
        for row in rows(value, "transactions")
    ]


def cross_margin(value: object) -> CrossMargin:
    row = Row.of(value, "cross margin")
    return CrossMargin(
        pnl=row.amount("pnl"),
        maintenance_margin=row.amount("maintenance_margin"),
        equity=row.amount("total_account_equity"),
        wallet_balance=row.amount("total_wallet_balance"),
        available_cross=row.amount("available_balance_cross"),
        available_isolated=row.amount("available_balance_isolated"),
        margin_ratio=row.amount("margin_ratio_cross"),
        withdrawable=row.amount("withdrawable_balance"),
        updated_ms=row.time_ms_or("updated_at"),
    )


def margin_orders(value: object) -> list[MarginOrder]:
    found = [_margin_row(row) for row in rows(value, "margin orders")]
    return distinct(found, [each.id for each in found], "margin orders")


def lent(value: object) -> list[Lent]:
    found = [_lent_row(row) for row in rows(value, "loans")]
    return distinct(found, [each.id for each in found], "loans")


def _lent_row(row: Row) -> Lent:
    return Lent(
        id=row.id("id"),
        currency=row.text("currency_short_name"),
        amount=row.positive("amount"),
        interest=row.amount_or("interest"),
        days=row.count("duration"),
        is_open=row.word("status", ("open", "close")) == "open",
        created_ms=row.time_ms("created_at"),
    )


def _margin_row(row: Row) -> MarginOrder:
    return MarginOrder(
        id=row.id("id"),
        market=row.text("market"),
        side=row.word("side", SIDES),
        order_type=row.text("order_type"),
        status=row.word("status", MARGIN_STATUSES),
        quantity=row.unsigned("quantity"),
        price=row.unsigned_or("price"),
        active=row.amount_or("active_pos"),
        average_entry=row.unsigned_or("avg_entry"),
        average_exit=row.unsigned_or("avg_exit"),
        stop_loss=row.unsigned_or("sl_price"),
        target=row.unsigned_or("target_price"),
        leverage=row.unsigned_or("leverage"),
        pnl=row.amount_or("pnl"),
        created_ms=row.time_ms("created_at"),
        updated_ms=row.time_ms_or("updated_at"),
        legs=tuple(map(_margin_leg, row.rows("orders"))) if row.has("orders") else (),
    )


def _margin_leg(row: Row) -> MarginLeg:
    return MarginLeg(
        id=row.id("id"),
        order_type=row.text("order_type"),
        status=row.text("status"),
        side=row.word("side", SIDES),
        quantity=row.unsigned("total_quantity"),
        filled=row.unsigned_or("filled_quantity"),
        price=row.unsigned_or("price_per_unit"),
        stop_price=row.unsigned_or("stop_price"),
        stage=row.word("bo_stage", ("stage_entry", "stage_exit")),
        at_ms=row.time_ms("timestamp"),
    )


def _leg(row: Row, key: str) -> Leg | None:
    if not row.has(key):
        return None
    leg = row.row(key)
    if leg.fields.get("success") is False or "error" in leg.fields:
        return Leg(None, shown(leg.fields.get("error")) or "refused without a reason")
    return Leg(order_row(leg))
