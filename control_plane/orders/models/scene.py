"""What a plan is made of: what all subscriptions see alike at one signal, what one of them brings,
and what is decided for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

from control_plane.brokers.capacity import Capacity
from control_plane.core.ids import (
    AccountId,
    DeploymentId,
    IntentId,
    SignalId,
    SubscriptionId,
    TradeId,
)
from control_plane.orders.models.prices import Quote, Rate
from control_plane.subscriptions.models import Subscription
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import ZERO

SkipReason = Literal[
    "account_suspended",
    "already_in_position",
    "daily_loss",
    "exposure_owned",
    "halted",
    "instrument_inactive",
    "market_lagging",
    "max_positions",
    "no_balance",
    "no_capacity",
    "no_position",
    "no_price",
    "no_stop_orders",
    "opposite_position",
    "other_market",
    "price_moved",
    "price_stale",
    "rate_stale",
    "stale",
    "stop_passed",
    "superseded",
    "symbol_denied",
    "target_passed",
    "already_leaving",
]


@dataclass(frozen=True, slots=True)
class Signal:
    id: SignalId
    deployment: DeploymentId
    instrument: str
    kind: Literal["entry", "exit"]
    side: Literal["LONG", "SHORT"]
    trigger_ms: int
    price: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    published_ms: int
    seed: int


class Subscriber(NamedTuple):
    """A subscription, and where its account stands. Tuples, for a fan-out makes thousands."""

    terms: Subscription
    venue: str
    account_state: str


@dataclass(frozen=True, slots=True)
class Holding:
    """A position of a subscription, or an entry under way that may become one."""

    side: Literal["LONG", "SHORT"]
    entry_trigger_ms: int
    quantity: Decimal
    trade: TradeId
    entry: IntentId
    is_leaving: bool = False
    margin: Decimal = ZERO  # what closing it is expected to free, in the quote currency


@dataclass(frozen=True)
class Scene:
    """What all subscriptions see alike at one signal."""

    signal: Signal
    instrument: Instrument
    quote: Quote | None
    now_ms: int
    price_stale_ms: int
    rate_stale_ms: int
    rates: Mapping[tuple[str, str], Rate] = field(default_factory=dict)
    halts: frozenset[str] = frozenset()  # active scopes
    holdings: Mapping[SubscriptionId, Holding] = field(default_factory=dict)
    free: Mapping[tuple[AccountId, str], Decimal] = field(default_factory=dict)
    losses: Mapping[SubscriptionId, Decimal] = field(default_factory=dict)  # today, quote currency
    owners: Mapping[tuple[AccountId, str], SubscriptionId] = field(default_factory=dict)
    leverage_ceiling: Decimal | None = None
    feed: str = ""  # where the instrument's prices come from
    lag: str | None = None  # why that is behind
    capacities: Mapping[str, Capacity] = field(default_factory=dict)  # of venues with limits
    waiting: Mapping[str, int] = field(
        default_factory=dict
    )  # entries, by the address they leave by


class Intended(NamedTuple):
    id: IntentId
    subscriber: Subscriber
    leg: Literal["entry", "exit"]
    side: Literal["buy", "sell"]
    kind: Literal["limit", "market"]
    quantity: Decimal
    rank: int
    explain: Mapping[str, str]
    limit_price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    leverage: Decimal = Decimal(1)
    expires_ms: int | None = None
    trade: TradeId | None = None
    waits_for: str | None = None  # an entry: the trade to be flat; an exit: its entry


class Skipped(NamedTuple):
    subscriber: Subscriber
    reason: str
    detail: dict[str, str] = {}  # noqa: RUF012 # a tuple's default, never changed


@dataclass(frozen=True)
class Plan:
    intents: tuple[Intended, ...]
    skips: tuple[Skipped, ...]
    shared: Mapping[str, str]


def position_key(instrument: Instrument, margin_currency: str) -> str:
    """What one stop and one target belong to: a futures position of one margin book."""
    return f"{instrument.id}:{margin_currency}" if instrument.is_futures else instrument.id
