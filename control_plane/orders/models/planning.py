"""One signal, many subscriptions: for each active one exactly one intent, or one skip that says
why.

Pure: what is the same for all stands in a `Scene`, what one subscriber brings in a `Subscriber`.
Guards refuse entries only. An exit is planned for every subscription whose position an earlier
trigger opened, whatever has been halted, paused or used up since.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Literal

from control_plane.core.ids import (
    AccountId,
    DeploymentId,
    IntentId,
    SignalId,
    SubscriptionId,
    Tenant,
    TradeId,
    intent_id,
)
from control_plane.orders.models import prices
from control_plane.orders.models.halts import scopes_of
from control_plane.orders.models.prices import Quote, Rate
from control_plane.orders.models.trades import closing_side, opening_side
from strategy_runtime.rules import sizing
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY, ZERO, canonical

SkipReason = Literal[
    "account_suspended",
    "already_in_position",
    "daily_loss",
    "exposure_owned",
    "halted",
    "instrument_inactive",
    "max_positions",
    "no_balance",
    "no_position",
    "no_price",
    "no_stop_orders",
    "opposite_position",
    "price_moved",
    "price_stale",
    "rate_stale",
    "stale",
    "stop_passed",
    "superseded",
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


@dataclass(frozen=True, slots=True)
class Subscriber:
    subscription: SubscriptionId
    account: AccountId
    tenant: Tenant
    shard: int
    venue: str
    is_active: bool
    account_state: str
    margin_currency: str
    capital: Decimal
    capital_currency: str
    risk: Decimal
    leverage: Decimal
    sizing: sizing.Mode
    max_positions: int
    max_daily_loss: Decimal | None
    max_notional: Decimal | None
    slippage: Decimal
    max_age_ms: int
    software_stop: bool


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


@dataclass(frozen=True, slots=True)
class Intended:
    id: IntentId
    subscriber: Subscriber
    leg: Literal["entry", "exit"]
    side: Literal["buy", "sell"]
    kind: Literal["limit", "market"]
    quantity: Decimal
    limit_price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    leverage: Decimal = Decimal(1)
    expires_ms: int | None = None
    trade: TradeId | None = None
    waits_for: str | None = None  # an entry: the trade to be flat; an exit: its entry
    rank: int = 0
    explain: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skipped:
    subscriber: Subscriber
    reason: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    intents: tuple[Intended, ...]
    skips: tuple[Skipped, ...]
    shared: Mapping[str, str]


def plan(scene: Scene, subscribers: Iterable[Subscriber]) -> Plan:
    """Intents and skips in the order that the signal's seed shuffles them into."""
    decide = (_Entry(scene) if scene.signal.kind == "entry" else _Exit(scene)).decide
    intents: list[Intended] = []
    skips: list[Skipped] = []
    for subscriber in shuffled(scene.signal.seed, subscribers):
        decided = decide(subscriber, len(intents))
        if isinstance(decided, Intended):
            intents.append(decided)
        else:
            skips.append(decided)
    return Plan(tuple(intents), tuple(skips), _shared(scene))


def shuffled(seed: int, subscribers: Iterable[Subscriber]) -> list[Subscriber]:
    """The same order for the same seed, and no place of its own for anybody."""
    salt = sha256(str(seed).encode())

    def place(subscriber: Subscriber) -> bytes:
        digest = salt.copy()
        digest.update(subscriber.subscription.encode())
        return digest.digest()

    return sorted(subscribers, key=place)


def position_key(instrument: Instrument, margin_currency: str) -> str:
    """What one stop and one target belong to: a futures position of one margin book."""
    return f"{instrument.id}:{margin_currency}" if instrument.is_futures else instrument.id


@dataclass(frozen=True)
class _Entry:
    scene: Scene

    def decide(self, who: Subscriber, rank: int) -> Intended | Skipped:
        refusal = self._guard(who)
        if refusal is not None:
            return refusal

        scene, signal = self.scene, self.scene.signal
        assert scene.quote is not None
        holding = scene.holdings.get(who.subscription)
        limit = prices.marketable(
            opening_side(signal.side), scene.quote.price, who.slippage, scene.instrument
        )
        ask = self._ask(who, limit, holding)
        if isinstance(ask, Skipped):
            return ask
        outcome = sizing.size(ask)
        record = {**sizing.own(ask), **sizing.result(outcome)}
        if isinstance(outcome, sizing.Skip):
            return Skipped(who, outcome.reason, record)

        stop = ask.stop
        if stop is None and scene.instrument.is_futures:
            stop = sizing.furthest_stop(scene.instrument, signal.side, limit, outcome.leverage)
        return Intended(
            id=intent_id(signal.id, who.subscription, "entry", 0),
            subscriber=who,
            leg="entry",
            side=opening_side(signal.side),
            kind="limit",
            quantity=outcome.quantity,
            limit_price=limit,
            stop_loss=stop,
            take_profit=prices.on_tick(signal.side, "target", signal.take_profit, scene.instrument),
            leverage=outcome.leverage,
            expires_ms=signal.published_ms + who.max_age_ms,
            waits_for=holding.trade if holding is not None else None,
            rank=rank,
            explain=record,
        )

    def _guard(self, who: Subscriber) -> Skipped | None:
        for guard in (self._standing, self._timely, self._priced, self._positions, self._loss):
            refusal = guard(who)
            if refusal is not None:
                return refusal
        return None

    def _standing(self, who: Subscriber) -> Skipped | None:
        scene = self.scene
        if who.account_state != "active":
            return Skipped(who, "account_suspended", {"state": who.account_state})
        halted = scene.halts & scopes_of(
            venue=who.venue,
            deployment=scene.signal.deployment,
            user=who.tenant,
            account=who.account,
            instrument=scene.instrument.id,
        )
        if halted:
            return Skipped(who, "halted", {"scopes": ",".join(sorted(halted))})
        if not scene.instrument.active or scene.instrument.exit_only:
            return Skipped(who, "instrument_inactive")
        has_stops = scene.instrument.is_futures or scene.instrument.takes_stop_market
        if not has_stops and not who.software_stop and who.venue != "paper":
            return Skipped(who, "no_stop_orders")
        return None

    def _timely(self, who: Subscriber) -> Skipped | None:
        age = self.scene.now_ms - self.scene.signal.published_ms
        if age <= who.max_age_ms:
            return None
        return Skipped(who, "stale", {"age_ms": str(age), "limit_ms": str(who.max_age_ms)})

    def _priced(self, who: Subscriber) -> Skipped | None:
        quote, signal = self.scene.quote, self.scene.signal
        if quote is None:
            return Skipped(who, "no_price")
        if quote.age_ms > self.scene.price_stale_ms:
            return Skipped(who, "price_stale", {"age_ms": str(quote.age_ms)})
        seen = {"signalled": canonical(signal.price), "last": canonical(quote.price)}
        if prices.has_moved(signal.side, signal.price, quote.price, who.slippage):
            return Skipped(who, "price_moved", seen | {"slippage": canonical(who.slippage)})
        sign = 1 if signal.side == "LONG" else -1
        if signal.stop_loss is not None and (quote.price - signal.stop_loss) * sign <= 0:
            return Skipped(who, "stop_passed", seen | {"stop": canonical(signal.stop_loss)})
        if signal.take_profit is not None and (signal.take_profit - quote.price) * sign <= 0:
            return Skipped(who, "target_passed", seen | {"target": canonical(signal.take_profit)})
        return None

    def _positions(self, who: Subscriber) -> Skipped | None:
        scene = self.scene
        holding = scene.holdings.get(who.subscription)
        if holding is not None:
            if holding.entry_trigger_ms > scene.signal.trigger_ms:
                return Skipped(who, "superseded")
            if holding.side == scene.signal.side and not holding.is_leaving:
                return Skipped(who, "already_in_position")
            # A reversal: out first, confirmed flat, then in while it is fresh.
            if not holding.is_leaving:
                return Skipped(who, "opposite_position")
        elif who.max_positions < 1:
            return Skipped(who, "max_positions")
        key = (who.account, position_key(scene.instrument, who.margin_currency))
        owner = scene.owners.get(key)
        if scene.instrument.is_futures and owner not in (None, who.subscription):
            return Skipped(who, "exposure_owned", {"subscription": str(owner)})
        return None

    def _loss(self, who: Subscriber) -> Skipped | None:
        if who.max_daily_loss is None:
            return None
        lost = self.scene.losses.get(who.subscription, ZERO)
        rate = self._rate(who.capital_currency)
        if rate is None:
            return Skipped(who, "rate_stale", {"currency": who.capital_currency})
        limit = MONEY.multiply(MONEY.multiply(who.capital, rate.value), who.max_daily_loss)
        if lost < limit:
            return None
        return Skipped(who, "daily_loss", {"lost": canonical(lost), "limit": canonical(limit)})

    def _ask(
        self, who: Subscriber, limit: Decimal, holding: Holding | None
    ) -> sizing.Ask | Skipped:
        scene = self.scene
        rate = self._rate(who.capital_currency)
        wallet = who.margin_currency if scene.instrument.is_futures else scene.instrument.quote
        free_rate = self._rate(wallet)
        if rate is None or free_rate is None:
            missing = who.capital_currency if rate is None else wallet
            return Skipped(who, "rate_stale", {"currency": missing})
        free = scene.free.get((who.account, wallet))
        if free is None:
            return Skipped(who, "no_balance", {"currency": wallet})
        freed = holding.margin if holding is not None else ZERO
        stop = prices.on_tick(scene.signal.side, "stop", scene.signal.stop_loss, scene.instrument)
        return sizing.Ask(
            instrument=scene.instrument,
            side=scene.signal.side,
            entry=limit,
            stop=stop,
            capital=who.capital,
            rate=rate.value,
            risk=who.risk,
            leverage=who.leverage,
            free=MONEY.multiply(free, free_rate.value) + freed,
            mode=who.sizing,
            leverage_ceiling=scene.leverage_ceiling,
            max_notional=who.max_notional,
        )

    def _rate(self, currency: str) -> Rate | None:
        found = self.scene.rates.get((currency, self.scene.instrument.quote))
        return None if found is None or found.age_ms > self.scene.rate_stale_ms else found


@dataclass(frozen=True)
class _Exit:
    scene: Scene

    def decide(self, who: Subscriber, rank: int) -> Intended | Skipped:
        signal = self.scene.signal
        holding = self.scene.holdings.get(who.subscription)
        if holding is None or holding.side != signal.side:
            return Skipped(who, "no_position")
        if holding.entry_trigger_ms >= signal.trigger_ms:
            return Skipped(who, "superseded")
        if holding.is_leaving:
            return Skipped(who, "already_leaving")
        return Intended(
            id=intent_id(signal.id, who.subscription, "exit", 0),
            subscriber=who,
            leg="exit",
            side=closing_side(signal.side),
            kind="market" if self.scene.instrument.is_futures else "limit",
            quantity=holding.quantity,
            trade=holding.trade,
            waits_for=holding.entry,
            rank=rank,
        )


def _shared(scene: Scene) -> dict[str, str]:
    """What every explain record of this signal has in common."""
    signal = scene.signal
    record = sizing.shared(
        sizing.Ask(
            instrument=scene.instrument,
            side=signal.side,
            entry=signal.price,
            stop=prices.on_tick(signal.side, "stop", signal.stop_loss, scene.instrument),
            capital=ZERO,
            rate=Decimal(1),
            risk=ZERO,
            leverage=Decimal(1),
            free=ZERO,
            leverage_ceiling=scene.leverage_ceiling,
        )
    )
    for (source, target), rate in sorted(scene.rates.items()):
        record[f"rate.{source}.{target}"] = canonical(rate.value)
        record[f"rate.{source}.{target}.source"] = rate.source
        record[f"rate.{source}.{target}.age_ms"] = str(rate.age_ms)
    if scene.quote is not None:
        record["last"] = canonical(scene.quote.price)
        record["last.age_ms"] = str(scene.quote.age_ms)
    record["signalled"] = canonical(signal.price)
    return record
