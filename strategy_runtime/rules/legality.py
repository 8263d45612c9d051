"""Whether a venue would take an order, asked before it is sent: the same checks for a backtest, the
paper exchange and CoinDCX.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY, canonical, floor_to

Reason = Literal[
    "inactive",
    "exit_only",
    "order_type",
    "min_quantity",
    "max_quantity",
    "quantity_step",
    "tick_size",
    "min_notional",
    "leverage",
    "other",
]

TRIGGERED = ("stop_market", "stop_limit", "take_profit")


@dataclass(frozen=True, slots=True)
class Draft:
    kind: str  # limit | market | stop_market | stop_limit | take_profit
    side: Literal["buy", "sell"]
    quantity: Decimal
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    leverage: Decimal = Decimal(1)
    reference: Decimal | None = None  # the last price: what a market order's value is judged by
    closes: bool = False  # the position's own exit: whatever its size


@dataclass(frozen=True, slots=True)
class Illegal:
    reason: Reason
    what: str


def check(order: Draft, rules: Instrument) -> Illegal | None:
    """The first rule that the order breaks, or nothing."""
    for rule in (_standing, _kind, _prices, _quantity, _value, _leverage):
        illegal = rule(order, rules)
        if illegal is not None:
            return illegal
    return None


def _standing(order: Draft, rules: Instrument) -> Illegal | None:
    if not rules.active:
        return Illegal("inactive", f"{rules.id} is not active.")
    opens = not order.closes and (rules.is_futures or order.side == "buy")
    if rules.exit_only and opens:
        return Illegal("exit_only", f"{rules.id} takes only orders that reduce a position.")
    return None


def _kind(order: Draft, rules: Instrument) -> Illegal | None:
    # A target at the market is listed as a stop's sibling wherever stops are.
    listed = "stop_market" if order.kind == "take_profit" else order.kind
    if listed in rules.order_types:
        return None
    kinds = ", ".join(rules.order_types)
    return Illegal("order_type", f"{rules.id} takes no {order.kind} orders, only {kinds}.")


def _prices(order: Draft, rules: Instrument) -> Illegal | None:
    if order.kind in ("limit", "stop_limit") and order.price is None:
        return Illegal("other", f"A {order.kind} order needs a price.")
    if order.kind in TRIGGERED and order.trigger_price is None:
        return Illegal("other", f"A {order.kind} order needs a trigger price.")
    for price in (order.price, order.trigger_price):
        if price is not None and (price <= 0 or floor_to(price, rules.tick_size) != price):
            step = canonical(rules.tick_size)
            return Illegal("tick_size", f"The price {canonical(price)} is no multiple of {step}.")
    return None


def _quantity(order: Draft, rules: Instrument) -> Illegal | None:
    quantity = order.quantity
    if quantity <= 0 or quantity < rules.min_quantity:
        least = canonical(rules.min_quantity)
        return Illegal("min_quantity", f"{canonical(quantity)} is below the minimum of {least}.")
    if floor_to(quantity, rules.quantity_step) != quantity:
        step = canonical(rules.quantity_step)
        return Illegal("quantity_step", f"{canonical(quantity)} is no multiple of {step}.")
    if rules.max_quantity is not None and quantity > rules.max_quantity:
        most = canonical(rules.max_quantity)
        return Illegal("max_quantity", f"{canonical(quantity)} is above the maximum of {most}.")
    return None


def _value(order: Draft, rules: Instrument) -> Illegal | None:
    price = order.price or order.trigger_price or order.reference
    if price is None or order.closes:
        return None
    value = MONEY.multiply(price, order.quantity)
    if value >= rules.min_notional:
        return None
    least = canonical(rules.min_notional)
    return Illegal("min_notional", f"Its value {canonical(value)} {rules.quote} is below {least}.")


def _leverage(order: Draft, rules: Instrument) -> Illegal | None:
    most = rules.max_leverage if rules.is_futures else Decimal(1)
    if 1 <= order.leverage <= most:
        return None
    return Illegal(
        "leverage", f"Leverage {canonical(order.leverage)} is not between 1 and {canonical(most)}."
    )
