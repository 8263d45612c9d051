"""How much to trade: a pure function of what the trader risks, the price, the stop and the venue's
rules, and a record from which anybody can compute the same quantity again.

`fixed_risk` loses `risk` of the capital at the stop, fees included, at any leverage.
`leveraged_risk` is that times the leverage: the formula that many bots use, and it risks leverage
times more. Every division rounds down and the quantity is floored to the step, so what can be lost
is never more than was asked for.
"""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Context, Decimal
from typing import Literal

from msgspec import Struct

from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY, ZERO, canonical, ceil_to, decimal, floor_to

Mode = Literal["fixed_risk", "leveraged_risk"]
Side = Literal["LONG", "SHORT"]
SkipReason = Literal[
    "no_short",
    "no_stop",
    "stop_on_wrong_side",
    "stop_beyond_liquidation",
    "no_leverage",
    "too_small",
]

FORMULA = "1"
LIQUIDATION_SHARE = Decimal("0.8")
_CENT = Decimal("0.01")
_DOWN = Context(prec=50, rounding=ROUND_DOWN)


class Ask(Struct, frozen=True, gc=False):
    """What a subscription brings to one entry. `entry` is the worst price that the order may pay,
    so that a fill at any better one loses less.
    """

    instrument: Instrument
    side: Side
    entry: Decimal
    stop: Decimal | None
    capital: Decimal  # in the subscription's currency
    rate: Decimal  # one unit of that currency in the quote currency
    risk: Decimal  # share of the capital
    leverage: Decimal  # the subscription's
    free: Decimal  # in the quote currency, what the account can still use
    mode: Mode = "fixed_risk"
    leverage_ceiling: Decimal | None = None  # the deployment's
    max_notional: Decimal | None = None


class Sized(Struct, frozen=True, gc=False):
    quantity: Decimal
    leverage: Decimal
    binding: str  # risk | leverage | free | max_notional | max_quantity: what held it down


class Skip(Struct, frozen=True, gc=False):
    reason: SkipReason
    capital_needed: Decimal | None = None  # too_small: in the subscription's currency
    binding: str = ""


def size(ask: Ask) -> Sized | Skip:
    refusal = _refusal(ask)
    if refusal is not None:
        return refusal

    leverage = _leverage(ask)
    if leverage < 1:
        return Skip("no_leverage")

    unit = _unit_risk(ask)
    capital = _capital(ask)
    budget = _DOWN.multiply(capital, _risk_share(ask))
    limits = {"risk": _DOWN.divide(budget, unit), **_caps(ask, capital, leverage)}
    binding = min(limits, key=limits.__getitem__)
    quantity = floor_to(limits[binding], ask.instrument.quantity_step)

    least = ask.instrument.smallest_quantity(ask.entry)
    if quantity < least:
        return Skip("too_small", _capital_needed(ask, least, unit, leverage), binding)

    used = _order_leverage(ask, quantity, leverage)
    if not _is_stop_before_liquidation(ask, used):
        return Skip("stop_beyond_liquidation")
    return Sized(quantity, used, binding)


def liquidation_price(
    instrument: Instrument, side: Side, entry: Decimal, leverage: Decimal
) -> Decimal:
    """Where an isolated position's margin would be down to the maintenance margin."""
    room = MONEY.subtract(MONEY.divide(Decimal(1), leverage), instrument.maintenance_rate)
    distance = MONEY.multiply(entry, max(room, ZERO))
    return entry - distance if side == "LONG" else entry + distance


def furthest_stop(instrument: Instrument, side: Side, entry: Decimal, leverage: Decimal) -> Decimal:
    """The last stop before liquidation that we accept, on the tick, toward the entry."""
    liquidation = liquidation_price(instrument, side, entry, leverage)
    stop = entry + MONEY.multiply(liquidation - entry, LIQUIDATION_SHARE)
    rounded = ceil_to if side == "LONG" else floor_to
    return rounded(stop, instrument.tick_size)


def explain(ask: Ask, outcome: Sized | Skip) -> dict[str, str]:
    """Every input and the result, as canonical text: `recompute` needs nothing else."""
    return {**shared(ask), **own(ask), **result(outcome)}


def shared(ask: Ask) -> dict[str, str]:
    """What is the same for all subscriptions at one signal."""
    rules = ask.instrument
    return {
        "formula": FORMULA,
        "instrument": rules.id,
        "kind": rules.kind,
        "pair": rules.pair,
        "base": rules.base,
        "quote": rules.quote,
        "rules_version": str(rules.version),
        "tick_size": canonical(rules.tick_size),
        "quantity_step": canonical(rules.quantity_step),
        "min_quantity": canonical(rules.min_quantity),
        "max_quantity": _text(rules.max_quantity),
        "min_notional": canonical(rules.min_notional),
        "maker_fee": canonical(rules.maker_fee),
        "taker_fee": canonical(rules.taker_fee),
        "max_leverage": canonical(rules.max_leverage),
        "leverage_tiers": ",".join(
            f"{canonical(a)}:{canonical(b)}" for a, b in rules.leverage_tiers
        ),
        "maintenance_rate": canonical(rules.maintenance_rate),
        "side": ask.side,
        "stop": _text(ask.stop),
        "leverage_ceiling": _text(ask.leverage_ceiling),
    }


def own(ask: Ask) -> dict[str, str]:
    """What one subscription brings."""
    return {
        "mode": ask.mode,
        "entry": canonical(ask.entry),
        "capital": canonical(ask.capital),
        "rate": canonical(ask.rate),
        "risk": canonical(ask.risk),
        "leverage": canonical(ask.leverage),
        "free": canonical(ask.free),
        "max_notional": _text(ask.max_notional),
    }


def result(outcome: Sized | Skip) -> dict[str, str]:
    match outcome:
        case Sized(quantity, leverage, binding):
            return {
                "quantity": canonical(quantity),
                "order_leverage": canonical(leverage),
                "binding": binding,
            }
        case Skip(reason, capital_needed, binding):
            found = {"quantity": "0", "skip": reason}
            if capital_needed is not None:
                found |= {"capital_needed": canonical(capital_needed), "binding": binding}
            return found


def recompute(record: Mapping[str, str]) -> Decimal:
    """The quantity that this record's inputs give; 0 where they give a skip."""
    outcome = size(ask_of(record))
    return outcome.quantity if isinstance(outcome, Sized) else ZERO


def ask_of(record: Mapping[str, str]) -> Ask:
    if record["formula"] != FORMULA:
        raise ValueError(f"a record of formula {record['formula']!r}; this is {FORMULA}")
    tiers = [part.split(":") for part in filter(None, record["leverage_tiers"].split(","))]
    instrument = Instrument(
        id=record["instrument"],
        kind="fut" if record["kind"] == "fut" else "spot",
        pair=record["pair"],
        base=record["base"],
        quote=record["quote"],
        version=int(record["rules_version"]),
        tick_size=decimal(record["tick_size"]),
        quantity_step=decimal(record["quantity_step"]),
        min_quantity=decimal(record["min_quantity"]),
        max_quantity=_optional(record["max_quantity"]),
        min_notional=decimal(record["min_notional"]),
        maker_fee=decimal(record["maker_fee"]),
        taker_fee=decimal(record["taker_fee"]),
        max_leverage=decimal(record["max_leverage"]),
        leverage_tiers=tuple((decimal(a), decimal(b)) for a, b in tiers),
        maintenance_rate=decimal(record["maintenance_rate"]),
    )
    return Ask(
        instrument=instrument,
        side="SHORT" if record["side"] == "SHORT" else "LONG",
        entry=decimal(record["entry"]),
        stop=_optional(record["stop"]),
        capital=decimal(record["capital"]),
        rate=decimal(record["rate"]),
        risk=decimal(record["risk"]),
        leverage=decimal(record["leverage"]),
        free=decimal(record["free"]),
        mode="leveraged_risk" if record["mode"] == "leveraged_risk" else "fixed_risk",
        leverage_ceiling=_optional(record["leverage_ceiling"]),
        max_notional=_optional(record["max_notional"]),
    )


def _refusal(ask: Ask) -> Skip | None:
    if ask.side == "SHORT" and not ask.instrument.is_futures:
        return Skip("no_short")
    if ask.stop is None:
        return Skip("no_stop") if ask.mode == "fixed_risk" else None

    is_right = ask.stop < ask.entry if ask.side == "LONG" else ask.stop > ask.entry
    return None if is_right and ask.stop > 0 else Skip("stop_on_wrong_side")


def _leverage(ask: Ask) -> Decimal:
    """The least of subscription, deployment and instrument; a value's tier may lower it further."""
    if not ask.instrument.is_futures:
        return Decimal(1)
    ceiling = ask.leverage if ask.leverage_ceiling is None else ask.leverage_ceiling
    return min(ask.leverage, ceiling, ask.instrument.max_leverage)


def _capital(ask: Ask) -> Decimal:
    return _DOWN.multiply(ask.capital, ask.rate)


def _risk_share(ask: Ask) -> Decimal:
    return ask.risk if ask.mode == "fixed_risk" else _DOWN.multiply(ask.risk, ask.leverage)


def _unit_risk(ask: Ask) -> Decimal:
    """What one unit loses between entry and stop, fees of both included; without a stop, all."""
    if ask.stop is None:
        return ask.entry
    fee = ask.instrument.taker_fee
    fees = MONEY.multiply(ask.entry, fee) + MONEY.multiply(ask.stop, fee)
    return abs(ask.entry - ask.stop) + fees


def _caps(ask: Ask, capital: Decimal, leverage: Decimal) -> dict[str, Decimal]:
    """Quantities that no entry of this subscription may pass, by what sets them."""
    tiers = ask.instrument.leverage_tiers
    if tiers:
        each = [
            _values_within_tier(ask, capital, min(leverage, tier), largest)
            for tier, largest in tiers
        ]
        _, by_value, by_free = max(each)
    else:
        _, by_value, by_free = _values_within_tier(ask, capital, leverage, None)
    caps = {
        "leverage": _DOWN.divide(by_value, ask.entry),
        "free": _DOWN.divide(by_free, ask.entry),
    }
    if ask.max_notional is not None:
        caps["max_notional"] = _DOWN.divide(ask.max_notional, ask.entry)
    if ask.instrument.max_quantity is not None:
        caps["max_quantity"] = ask.instrument.max_quantity
    return caps


def _values_within_tier(
    ask: Ask, capital: Decimal, leverage: Decimal, largest: Decimal | None
) -> tuple[Decimal, Decimal, Decimal]:
    by_value = _DOWN.multiply(capital, leverage)
    if largest is not None:
        by_value = min(by_value, largest)
    by_free = _DOWN.divide(max(ask.free, ZERO), _cost_share(ask.instrument, leverage))
    return min(by_value, by_free), by_value, by_free


def _cost_share(instrument: Instrument, leverage: Decimal) -> Decimal:
    """What of its value an order takes from the balance: a future binds both fees at once."""
    if not instrument.is_futures:
        return 1 + instrument.taker_fee
    return MONEY.divide(Decimal(1), leverage) + 2 * instrument.taker_fee


def _order_leverage(ask: Ask, quantity: Decimal, leverage: Decimal) -> Decimal:
    if not ask.instrument.is_futures:
        return Decimal(1)
    return min(leverage, ask.instrument.tier_leverage(MONEY.multiply(quantity, ask.entry)))


def _is_stop_before_liquidation(ask: Ask, leverage: Decimal) -> bool:
    if ask.stop is None or not ask.instrument.is_futures:
        return True
    liquidation = liquidation_price(ask.instrument, ask.side, ask.entry, leverage)
    return abs(ask.entry - ask.stop) <= MONEY.multiply(
        abs(ask.entry - liquidation), LIQUIDATION_SHARE
    )


def _capital_needed(ask: Ask, least: Decimal, unit: Decimal, leverage: Decimal) -> Decimal:
    """The capital that would buy the least, if balance and limits allow."""
    by_risk = MONEY.divide(MONEY.multiply(least, unit), _risk_share(ask))
    by_value = MONEY.divide(MONEY.multiply(least, ask.entry), leverage)
    return ceil_to(MONEY.divide(max(by_risk, by_value), ask.rate), _CENT)


def _text(value: Decimal | None) -> str:
    return "" if value is None else canonical(value)


def _optional(text: str) -> Decimal | None:
    return decimal(text) if text else None
