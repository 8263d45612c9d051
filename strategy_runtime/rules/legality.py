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
    "price_band",
    "trigger_passed",
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
    for rule in (_standing, _kind, _prices, _band, _trigger, _quantity, _value, _leverage):
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


def _band(order: Draft, rules: Instrument) -> Illegal | None:
    if order.price is None:
        return None
    low, high = rules.min_price, rules.max_price
    if order.reference is not None and order.side == "buy" and rules.band_up is not None:
        above = MONEY.multiply(order.reference, 1 + rules.band_up)
        high = above if high is None else min(high, above)
    if order.reference is not None and order.side == "sell" and rules.band_down is not None:
        below = MONEY.multiply(order.reference, 1 - rules.band_down)
        low = below if low is None else max(low, below)

    price = canonical(order.price)
    if high is not None and order.price > high:
        return Illegal("price_band", f"The price {price} is above {canonical(high)}.")
    if low is not None and order.price < low:
        return Illegal("price_band", f"The price {price} is below {canonical(low)}.")
    return None


def _trigger(order: Draft, rules: Instrument) -> Illegal | None:
    """A stop waits on the far side of the last price, and its limit lies beyond its trigger."""
    trigger, last = order.trigger_price, order.reference
    if trigger is None or order.kind not in TRIGGERED:
        return None
    rises = (order.side == "buy") == (order.kind != "take_profit")
    if last is not None and (trigger <= last if rises else trigger >= last):
        side = "above" if rises else "below"
        return Illegal(
            "trigger_passed", f"The trigger {canonical(trigger)} is not {side} {canonical(last)}."
        )
    if order.kind != "stop_limit" or order.price is None or not rules.is_futures:
        return None
    if order.price <= trigger if order.side == "buy" else order.price >= trigger:
        price = canonical(order.price)
        return Illegal(
            "other", f"The limit {price} is not beyond the trigger {canonical(trigger)}."
        )
    return None


def _quantity(order: Draft, rules: Instrument) -> Illegal | None:
    quantity = order.quantity
    if quantity <= 0 or quantity < rules.min_quantity:
        least = canonical(rules.min_quantity)
        return Illegal("min_quantity", f"{canonical(quantity)} is below the minimum of {least}.")
    if floor_to(quantity, rules.quantity_step) != quantity:
        step = canonical(rules.quantity_step)
        return Illegal("quantity_step", f"{canonical(quantity)} is no multiple of {step}.")
    largest = _largest(order, rules)
    if largest is not None and quantity > largest:
        most = canonical(largest)
        return Illegal("max_quantity", f"{canonical(quantity)} is above the maximum of {most}.")
    return None


def _largest(order: Draft, rules: Instrument) -> Decimal | None:
    """Orders at the market have a limit of their own; a position's exit is the venue's business."""
    if order.closes:
        return None
    at_market = order.kind in ("market", "stop_market", "take_profit")
    if at_market and rules.max_market_quantity is not None:
        return rules.max_market_quantity
    return rules.max_quantity


def _value(order: Draft, rules: Instrument) -> Illegal | None:
    # Whether a stop at the market is worth its trigger or the last price, no venue says: the less.
    known = [each for each in (order.trigger_price, order.reference) if each is not None]
    price = order.price or min(known, default=None)
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
