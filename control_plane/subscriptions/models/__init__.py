"""Subscriptions and what may be asked of one: pure checks, each refusal naming its field."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from control_plane.core.ids import (
    AccountId,
    DeploymentId,
    InstrumentId,
    Shard,
    SubscriptionId,
    Tenant,
)
from control_plane.subscriptions.errors import BadTerms, WrongState
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY, canonical, ceil_to

State = Literal["active", "paused", "cancelled"]
Sizing = Literal["fixed_risk", "leveraged_risk"]
Opposite = Literal["skip", "close"]
"""What an entry does to a position of the other side: nothing, or it closes it, turning nothing."""
Positions = Literal["keep", "close", "closed"]
"""What becomes of open positions once a subscription is cancelled: they keep their stops and the
strategy's exits, they are left at once, or that is done.
"""

MARGIN_CURRENCIES = ("INR", "USDT")
MOST_CAPITAL = Decimal(10) ** 12
MOST_RISK = Decimal("0.5")
MOST_SLIPPAGE = Decimal("0.05")
MOST_POSITIONS = 100
LONGEST_AGE_SECONDS = 3_600
MOST_SYMBOLS = 100
LONGEST_PAUSE_MS = 366 * 86_400_000
MAX_DIGITS = 30
CENT = Decimal("0.01")

# What a trader may ask for, and from which states. A cancelled subscription stays cancelled.
CHANGES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        "active": frozenset({"paused", "cancelled"}),
        "paused": frozenset({"active", "cancelled"}),
        "cancelled": frozenset(),
    }
)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a trader sets. Shares are shares: 0.01 is 1 %."""

    capital: Decimal
    capital_currency: str
    risk: Decimal  # of the capital, lost at the stop
    leverage: Decimal = Decimal(1)
    sizing: Sizing = "fixed_risk"
    margin_currency: str = ""  # futures: which of the two margin books
    max_positions: int = 1
    max_daily_loss: Decimal | None = None  # of the capital
    max_notional: Decimal | None = None  # in the quote currency
    slippage: Decimal = Decimal("0.003")
    max_age_seconds: int = 60
    software_stop: bool = False  # consent to a stop that only stands while we run
    opposite: Opposite = "skip"
    symbols_allowed: tuple[str, ...] = ()  # instruments or base currencies; none is all
    symbols_denied: tuple[str, ...] = ()


TERMS = tuple(field.name for field in fields(Terms))


@dataclass(frozen=True, kw_only=True)
class Subscription(Terms):
    id: SubscriptionId
    tenant: Tenant
    shard: Shard  # of its account
    account_id: AccountId
    deployment_id: DeploymentId
    instrument: InstrumentId
    state: State = "active"
    created_ms: int
    version: int = 1
    paused_until_ms: int | None = None  # then it goes on by itself
    positions: Positions = "keep"  # once it is cancelled

    @property
    def terms(self) -> Terms:
        return Terms(**{name: getattr(self, name) for name in TERMS})


@dataclass(frozen=True, slots=True)
class Leverage:
    """Whose word it is how far an entry may be levered: the least counts, and a larger position's
    tier may lower it further.
    """

    subscription: Decimal
    deployment: Decimal | None  # its author's ceiling
    instrument: Decimal

    @property
    def effective(self) -> Decimal:
        own = self.subscription if self.deployment is None else self.deployment
        return max(Decimal(1), min(self.subscription, own, self.instrument))


def leverage_of(terms: Terms, instrument: Instrument, ceiling: Decimal | None) -> Leverage:
    most = instrument.max_leverage if instrument.is_futures else Decimal(1)
    return Leverage(terms.leverage, ceiling, most)


@dataclass(frozen=True, slots=True)
class Smallest:
    """The least that can be ordered at a price, and the capital that reaches it."""

    quantity: Decimal
    value: Decimal  # in the quote currency
    capital: Decimal  # in the subscription's


def smallest(instrument: Instrument, price: Decimal, rate: Decimal, leverage: Decimal) -> Smallest:
    """`rate` is one unit of the capital's currency in the quote currency."""
    quantity = instrument.smallest_quantity(price)
    value = MONEY.multiply(quantity, price)
    needed = MONEY.divide(value, MONEY.multiply(leverage, rate))
    return Smallest(quantity, value, ceil_to(needed, CENT))


def check_reaches(terms: Terms, instrument: Instrument, price: Decimal, least: Smallest) -> None:
    """What the price of now puts out of reach would be skipped at every signal."""
    what = (
        f"The smallest order of {instrument.id} at {canonical(price)} is worth "
        f"{canonical(least.value)} {instrument.quote}"
    )
    if terms.capital < least.capital:
        raise BadTerms(
            f"{what}: this capital would never trade.",
            field="capital",
            remedy=f"It takes {canonical(least.capital)} {terms.capital_currency} or more.",
        )
    if terms.max_notional is not None and terms.max_notional < least.value:
        raise BadTerms(
            f"{what}: no order would be within the limit.",
            field="max_notional",
            remedy="Allow at least that much.",
        )


def permits(terms: Terms, instrument: Instrument) -> bool:
    """Whether the trader's own lists let this instrument be entered."""
    if not terms.symbols_allowed and not terms.symbols_denied:
        return True
    names = {instrument.id, instrument.base}
    if names.intersection(terms.symbols_denied):
        return False
    return not terms.symbols_allowed or bool(names.intersection(terms.symbols_allowed))


def agreed(terms: Terms, instrument: Instrument, venue: str) -> Terms:
    """The terms as they will stand for this instrument, or the first thing that is wrong."""
    _check_amounts(terms)
    _check_guards(terms)
    terms = _with_margin(terms, instrument)
    _check_leverage(terms, instrument)
    _check_currency(terms, instrument)
    _check_can_trade(terms, instrument)
    _check_stop(terms, instrument, venue)
    return terms


def paused(old: Subscription, until_ms: int | None, now_ms: int) -> Subscription:
    """For good, or until then; a pause that stands may be given another end."""
    if until_ms is not None and not now_ms < until_ms <= now_ms + LONGEST_PAUSE_MS:
        raise BadTerms(
            "A pause ends at a moment to come, within 366 days.",
            field="until",
            remedy="Give a later moment, or none: then it lasts until you resume.",
        )
    is_moved = old.state == "paused" and old.paused_until_ms != until_ms
    state = old.state if is_moved else changed(old.state, "paused")
    return replace(old, state=state, paused_until_ms=until_ms)


def changed(old: State, new: State) -> State:
    if new not in CHANGES[old]:
        remedy = "Subscribe again." if old == "cancelled" else None
        raise WrongState(f"The subscription is {old}, it cannot become {new}.", remedy=remedy)
    return new


def _check_amounts(terms: Terms) -> None:
    _within("capital", terms.capital, Decimal(0), MOST_CAPITAL)
    _within("risk", terms.risk, Decimal(0), MOST_RISK)
    if terms.sizing not in ("fixed_risk", "leveraged_risk"):
        raise BadTerms(
            f"There is no sizing {terms.sizing!r}.",
            field="sizing",
            remedy="Use fixed_risk or leveraged_risk.",
        )


def _check_guards(terms: Terms) -> None:
    if terms.max_daily_loss is not None:
        _within("max_daily_loss", terms.max_daily_loss, Decimal(0), Decimal(1))
    if terms.max_notional is not None:
        _within("max_notional", terms.max_notional, Decimal(0), MOST_CAPITAL)
    if terms.slippage != 0:
        _within("slippage", terms.slippage, Decimal(0), MOST_SLIPPAGE)
    _count("max_positions", terms.max_positions, MOST_POSITIONS)
    _count("max_age_seconds", terms.max_age_seconds, LONGEST_AGE_SECONDS)
    if terms.opposite not in ("skip", "close"):
        raise BadTerms(
            f"There is no policy {terms.opposite!r}.", field="opposite", remedy="Use skip or close."
        )
    for name in ("symbols_allowed", "symbols_denied"):
        if len(getattr(terms, name)) > MOST_SYMBOLS:
            raise BadTerms(f"{name} has more than {MOST_SYMBOLS} entries.", field=name)


def _with_margin(terms: Terms, instrument: Instrument) -> Terms:
    """Futures keep two margin books; unless told, a subscription takes its capital's."""
    if not instrument.is_futures:
        if terms.margin_currency:
            raise BadTerms(
                f"{instrument.id} is no future: it has no margin book.",
                field="margin_currency",
                remedy="Leave it out.",
            )
        return terms

    chosen = terms.margin_currency or terms.capital_currency
    if chosen not in MARGIN_CURRENCIES:
        raise BadTerms(
            f"There is no margin book in {chosen!r}.",
            field="margin_currency",
            remedy="Use INR or USDT.",
        )
    return replace(terms, margin_currency=chosen)


def _check_leverage(terms: Terms, instrument: Instrument) -> None:
    _finite("leverage", terms.leverage)
    most = instrument.max_leverage if instrument.is_futures else Decimal(1)
    if not 1 <= terms.leverage <= most:
        what = f"{instrument.id} takes a leverage of 1 to {canonical(most)}"
        raise BadTerms(
            f"{what}, not {canonical(terms.leverage)}.",
            field="leverage",
            remedy="Choose one within." if most > 1 else "Spot is bought without leverage: use 1.",
        )


def _check_currency(terms: Terms, instrument: Instrument) -> None:
    known = sorted({*MARGIN_CURRENCIES, instrument.quote})
    if terms.capital_currency not in known:
        raise BadTerms(
            f"Capital for {instrument.id} cannot be in {terms.capital_currency!r}.",
            field="capital_currency",
            remedy=f"Use one of {', '.join(known)}.",
        )


def _check_can_trade(terms: Terms, instrument: Instrument) -> None:
    """What could never reach the smallest order is refused now, not at each signal."""
    least = instrument.min_notional
    if terms.max_notional is not None and terms.max_notional < least:
        raise BadTerms(
            f"An order of {instrument.id} is worth at least {canonical(least)} {instrument.quote}.",
            field="max_notional",
            remedy="Allow at least that much.",
        )
    if terms.capital_currency != instrument.quote:
        return  # the rate of the moment decides, at each signal
    if MONEY.multiply(terms.capital, terms.leverage) < least:
        needed = MONEY.divide(least, terms.leverage)
        raise BadTerms(
            f"An order of {instrument.id} is worth at least {canonical(least)} {instrument.quote}.",
            field="capital",
            remedy=f"That takes a capital of {needed:.8f} {instrument.quote} or more.",
        )


def _check_stop(terms: Terms, instrument: Instrument, venue: str) -> None:
    stands_there = {"stop_market", "stop_limit"} & set(instrument.order_types)
    if venue != "paper" and not stands_there and not terms.software_stop:
        raise BadTerms(
            f"{instrument.id} has no stop orders: a stop would stand only while Slipway runs.",
            field="software_stop",
            remedy="Consent by setting it to true, or choose another instrument.",
        )


def _within(name: str, value: Decimal, above: Decimal, most: Decimal) -> None:
    _finite(name, value)
    if not above < value <= most:
        raise BadTerms(
            f"{name} is {canonical(value)}; it must be above {canonical(above)} and at most "
            f"{canonical(most)}.",
            field=name,
        )


def _finite(name: str, value: Decimal) -> None:
    if not value.is_finite() or len(value.as_tuple().digits) > MAX_DIGITS or not _is_sane(value):
        raise BadTerms(f"{name} is no amount.", field=name)


def _is_sane(value: Decimal) -> bool:
    """An exponent beyond every amount would be written out as a million zeros."""
    return value == 0 or -MAX_DIGITS <= value.adjusted() <= MAX_DIGITS


def _count(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise BadTerms(f"{name} is {value}; it must be 1 to {most}.", field=name)
