"""Prices that orders carry, and rates between currencies, from the last trades."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from typing import Literal

from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY, ceil_to, floor_to

_DOWN = Context(prec=50, rounding=ROUND_DOWN)


@dataclass(frozen=True, slots=True)
class Quote:
    price: Decimal
    age_ms: int


@dataclass(frozen=True, slots=True)
class Rate:
    """One unit of a currency in another, and how old the oldest price is that it rests on."""

    value: Decimal
    age_ms: int
    source: str


SAME = Rate(Decimal(1), 0, "same")


def marketable(
    side: Literal["buy", "sell"], last: Decimal, slippage: Decimal, instrument: Instrument
) -> Decimal:
    """The worst price that we would take: the last one and the slippage that the trader allows."""
    if side == "buy":
        return floor_to(MONEY.multiply(last, 1 + slippage), instrument.tick_size)
    price = ceil_to(MONEY.multiply(last, 1 - slippage), instrument.tick_size)
    return max(price, instrument.tick_size)


def has_moved(side: str, signalled: Decimal, last: Decimal, slippage: Decimal) -> bool:
    """Whether the price ran away from the one that the strategy saw, by more than is allowed."""
    if side == "LONG":
        return last > MONEY.multiply(signalled, 1 + slippage)
    return last < MONEY.multiply(signalled, 1 - slippage)


def on_tick(
    side: str, what: Literal["stop", "target"], level: Decimal | None, instrument: Instrument
) -> Decimal | None:
    """A stop or target on the tick, rounded toward the entry: less risk, or a surer gain."""
    if level is None:
        return None
    rounded = ceil_to if (side == "LONG") == (what == "stop") else floor_to
    return rounded(level, instrument.tick_size)


def rate(source: str, target: str, quoted: Sequence[tuple[Instrument, Quote]]) -> Rate | None:
    """One unit of `source` in `target`: from their own pair, its inverse, or a base that both
    price.

    Of several ways the freshest counts; None if there is none.
    """
    if source == target:
        return SAME
    found = [*_direct(source, target, quoted), *_crossed(source, target, quoted)]
    return min(found, key=lambda one: one.age_ms, default=None)


def pegged(price: Decimal, age_ms: int, source: str) -> Rate:
    """One unit of what is converted from, where an exchange books at a price of its own."""
    return Rate(_DOWN.divide(Decimal(1), price), age_ms, source)


def _direct(source: str, target: str, quoted: Sequence[tuple[Instrument, Quote]]) -> list[Rate]:
    found: list[Rate] = []
    for instrument, quote in quoted:
        if instrument.is_futures:
            continue
        if (instrument.base, instrument.quote) == (source, target):
            found.append(Rate(quote.price, quote.age_ms, instrument.id))
        elif (instrument.base, instrument.quote) == (target, source):
            found.append(Rate(_DOWN.divide(Decimal(1), quote.price), quote.age_ms, instrument.id))
    return found


def _crossed(source: str, target: str, quoted: Sequence[tuple[Instrument, Quote]]) -> list[Rate]:
    spots = [(i, q) for i, q in quoted if not i.is_futures]
    priced_in_source = {i.base: (i, q) for i, q in spots if i.quote == source}
    found: list[Rate] = []
    for instrument, quote in spots:
        other = priced_in_source.get(instrument.base)
        if instrument.quote != target or other is None:
            continue
        value = _DOWN.divide(quote.price, other[1].price)
        age = max(quote.age_ms, other[1].age_ms)
        found.append(Rate(value, age, f"{instrument.id}/{other[0].id}"))
    return found
