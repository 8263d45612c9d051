"""Before one subscribes, and later: what these terms would have done at the last signals, how large
the smallest order is, and whether the exchange's limits leave room.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest

from control_plane.accounts.service import owned_account
from control_plane.brokers.capacity import Capacity
from control_plane.core.ids import AccountId, DeploymentId, SubscriptionId, Tenant
from control_plane.infra.db import Database, Tx
from control_plane.market import service as market
from control_plane.orders.models import previewing
from control_plane.orders.models.previewing import Bar, Step
from control_plane.orders.models.prices import Quote, Rate
from control_plane.orders.models.scene import Scene, Signal, Subscriber
from control_plane.orders.service.seeing import signal_of
from control_plane.signals.models.stored import StoredSignal
from control_plane.signals.service import reading as signals
from control_plane.subscriptions import service as subscriptions
from control_plane.subscriptions.models import Terms
from control_plane.subscriptions.models.previewing import Line
from control_plane.subscriptions.service import Preview, Room
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY
from strategy_runtime.wire.resolutions import DURATION_MS, RESOLUTIONS

MOST_BARS = 2_000  # between two signals
NEVER_STALE = 10**12


@dataclass(frozen=True)
class Previews:
    db: Database
    capacities: Mapping[str, Capacity]

    async def ahead(
        self, tenant: Tenant, account: AccountId, deployment: DeploymentId, terms: Terms, most: int
    ) -> Preview:
        """Of a subscription that is not there yet; refused as subscribing would refuse it."""
        return await self.db.read(self._ahead, tenant, account, deployment, terms, most)

    async def of(self, tenant: Tenant, identity: SubscriptionId, most: int) -> Preview:
        return await self.db.read(self._of, tenant, identity, most)

    async def room(self, deployment: DeploymentId, venue: str, age_seconds: int) -> Room:
        capacity = self.capacities[venue]
        return await self.db.read(subscriptions.room, capacity, venue, deployment, age_seconds)

    # ---- transactions ----------------------------------------------------------------------------

    def _ahead(
        self,
        tx: Tx,
        tenant: Tenant,
        account_id: AccountId,
        deployment: DeploymentId,
        terms: Terms,
        most: int,
    ) -> Preview:
        account = owned_account(tx, tenant, account_id)
        found = subscriptions.fit(tx, self.capacities, account, deployment, terms)
        made = subscriptions.proposed(tx, account, found, SubscriptionId("preview"))
        who = Subscriber(made, account.venue, "active")
        lines = _lines(tx, who, found.instrument, found.leverage.deployment, most)
        return Preview(made, found.instrument, found.leverage, found.smallest, found.room, lines)

    def _of(self, tx: Tx, tenant: Tenant, identity: SubscriptionId, most: int) -> Preview:
        found = subscriptions.subscription(tx, tenant, identity)
        account = owned_account(tx, tenant, found.account_id)
        instrument = market.instrument(tx, found.instrument)
        leverage = subscriptions.standing(tx, found).leverage
        who = Subscriber(found, account.venue, "active")
        lines = _lines(tx, who, instrument, leverage.deployment, most)
        _, least = subscriptions.least_of(tx, found, instrument, leverage)
        capacity = self.capacities.get(account.venue)
        room = None
        if capacity is not None:
            age = found.max_age_seconds
            room = subscriptions.room(tx, capacity, account.venue, found.deployment_id, age)
        return Preview(found, instrument, leverage, least, room, lines)


def _lines(
    tx: Tx, who: Subscriber, instrument: Instrument, ceiling: Decimal | None, most: int
) -> list[Line]:
    with tx.for_everybody():  # its author's signals, told to who may follow them
        stored = signals.last_of(tx, who.terms.deployment_id, most)
    steps = [
        Step(_scene(tx, who, instrument, ceiling, one), _bars(tx, one, after))
        for one, after in zip_longest(stored, stored[1:])
    ]
    return previewing.preview(who, steps)


def _scene(
    tx: Tx, who: Subscriber, instrument: Instrument, ceiling: Decimal | None, stored: StoredSignal
) -> Scene:
    """As if all of the capital were free, and nothing were halted, late or used up."""
    signal, terms = signal_of(stored), who.terms
    rates = _rates(tx, terms, instrument, signal)
    wallet = terms.margin_currency if instrument.is_futures else instrument.quote
    own = rates.get((terms.capital_currency, instrument.quote))
    theirs = rates.get((wallet, instrument.quote))
    free = {}
    if own is not None and theirs is not None:
        amount = MONEY.divide(MONEY.multiply(terms.capital, own.value), theirs.value)
        free[terms.account_id, wallet] = amount
    return Scene(
        signal=signal,
        instrument=instrument,
        quote=Quote(signal.price, 0),
        now_ms=signal.published_ms,
        price_stale_ms=NEVER_STALE,
        rate_stale_ms=NEVER_STALE,
        rates=rates,
        free=free,
        leverage_ceiling=ceiling if instrument.is_futures else None,
        feed=who.venue,
    )


def _rates(
    tx: Tx, terms: Terms, instrument: Instrument, signal: Signal
) -> dict[tuple[str, str], Rate]:
    """At the last closes before the signal; where there are none, as it is now."""
    found: dict[tuple[str, str], Rate] = {}
    for currency in {terms.capital_currency, instrument.quote, terms.margin_currency} - {""}:
        value = market.rate_of(tx, currency, instrument.quote, signal.trigger_ms)
        if value is None:
            value = market.rate_of(tx, currency, instrument.quote)
        if value is not None:
            found[currency, instrument.quote] = Rate(value, 0, "close")
    return found


def _bars(tx: Tx, one: StoredSignal, after: StoredSignal | None) -> list[Bar]:
    """What the market did after this signal's own candle and before the next one's end."""
    resolution = one.trigger.partition(":")[0]
    length = DURATION_MS.get(resolution)
    if length is None or resolution not in RESOLUTIONS:
        return []
    until_ms = None if after is None else after.trigger_open_ms + length
    found = market.candles(
        tx,
        one.instrument,
        resolution,
        since_ms=one.trigger_open_ms + length,
        until_ms=until_ms,
        limit=MOST_BARS,
    )
    return [Bar(Decimal(repr(each.low)), Decimal(repr(each.high))) for each in found]
