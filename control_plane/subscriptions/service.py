"""Traders subscribe, change their terms, pause, resume and cancel. Each change is a version of its
own, so that an intent of last week can be explained.
"""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from typing import Any

import msgspec

from control_plane.accounts.models import Account
from control_plane.accounts.service import owned_account
from control_plane.core.ids import (
    AccountId,
    DeploymentId,
    InstrumentId,
    Rng,
    Shard,
    SubscriptionId,
    Tenant,
    random_id,
)
from control_plane.deployments import service as deployments
from control_plane.deployments.service import Standing as Ship
from control_plane.infra import events
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.events import canonical_json
from control_plane.infra.http_match import ANY, Expected
from control_plane.infra.paging import Asked, Found
from control_plane.market import service as market
from control_plane.market.errors import UnclearInstrument
from control_plane.subscriptions import store
from control_plane.subscriptions.errors import (
    AccountClosed,
    AlreadySubscribed,
    BadTerms,
    Changed,
    NoSuchDeployment,
    NoSuchSubscription,
    Unfollowable,
)
from control_plane.subscriptions.models import (
    TERMS,
    Leverage,
    Positions,
    Subscription,
    Terms,
    agreed,
    changed,
    leverage_of,
    paused,
    permits,
)
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire import names

OURSELVES = "slipway"

# ---- for orders ----------------------------------------------------------------------------------


def active(tx: Tx, deployment: DeploymentId, until_ms: int) -> list[Subscription]:
    """Those that follow a deployment and did so when its signal was committed."""
    return store.active(tx, deployment, until_ms)


def following(tx: Tx, deployment: DeploymentId, until_ms: int) -> list[AccountId]:
    """The accounts of those that are active, and nothing else of them."""
    return store.following(tx, deployment, until_ms)


def by_ids(tx: Tx, ids: Collection[SubscriptionId]) -> list[Subscription]:
    """In whatever state: a position outlives its subscription."""
    return store.by_ids(tx, ids)


def active_among(tx: Tx, ids: Collection[SubscriptionId]) -> frozenset[str]:
    """Which of these may enter now."""
    return store.active_among(tx, ids)


def followed_instruments(tx: Tx) -> set[InstrumentId]:
    """Whose prices matter to anybody."""
    return store.followed_instruments(tx)


def leaving(tx: Tx, shards: Collection[Shard]) -> list[SubscriptionId]:
    """Cancelled ones whose trader wants what they hold closed, until it is."""
    return store.leaving(tx, shards)


def left(tx: Tx, ids: Collection[SubscriptionId]) -> None:
    """They hold nothing any more."""
    store.left(tx, ids)


def subscription(tx: Tx, tenant: Tenant, identity: SubscriptionId) -> Subscription:
    found = store.of_tenant(tx, tenant, identity)
    if found is None:
        raise NoSuchSubscription(
            f"There is no subscription {identity!r}.",
            field="subscription_id",
            remedy="`slipway subscriptions` lists yours.",
        )
    return found


@dataclass(frozen=True)
class Version:
    """A subscription as it stood from one change to the next."""

    version: int
    body: dict[str, Any]
    changed_ms: int
    changed_by: str
    changed: tuple[str, ...] = ()  # what differs from the one before


def versions(tx: Tx, identity: SubscriptionId) -> list[Version]:
    """Oldest first."""
    found: list[Version] = []
    before: dict[str, Any] = {}
    for row in store.versions(tx, identity):
        body = msgspec.json.decode(row.body)
        differs = tuple(name for name, old in before.items() if body.get(name, old) != old)
        found.append(Version(row.version, body, row.changed_ms, row.changed_by, differs))
        before = body
    return found


def versions_page(tx: Tx, tenant: Tenant, identity: SubscriptionId, asked: Asked) -> Found:
    subscription(tx, tenant, identity)
    found = store.versions_page(tx, identity, asked)
    told = {one.version: one for one in versions(tx, identity)}
    return Found([told[row.version] for row in found.rows], found.next_cursor)


@dataclass(frozen=True)
class Standing:
    """A subscription and whose word its leverage is."""

    subscription: Subscription
    leverage: Leverage


def standing(tx: Tx, found: Subscription) -> Standing:
    with tx.for_everybody():  # its author's ceiling
        ship = deployments.standings(tx, [found.deployment_id]).get(found.deployment_id)
    ceiling = None if ship is None else ship.max_leverage
    return Standing(found, leverage_of(found, market.instrument(tx, found.instrument), ceiling))


# ---- for traders ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subscriptions:
    """`by` is who asked for it: it stands in the version that the change makes."""

    db: Database
    rng: Rng
    bus: Bus

    async def get(self, tenant: Tenant, identity: SubscriptionId) -> Standing:
        return await self.db.read(lambda tx: standing(tx, subscription(tx, tenant, identity)))

    async def subscribe(
        self,
        tenant: Tenant,
        account: AccountId,
        deployment: DeploymentId,
        terms: Terms,
        *,
        by: str,
    ) -> Standing:
        identity = SubscriptionId(random_id("sb", self.rng))
        return await self.db.write(
            self._subscribe, identity, tenant, account, deployment, terms, by
        )

    async def alter(
        self,
        tenant: Tenant,
        identity: SubscriptionId,
        terms: Terms,
        expected: Expected = ANY,
        *,
        by: str,
    ) -> Standing:
        """New terms for what comes; what is under way keeps the terms that it was planned with."""
        return await self.db.write(
            _change,
            tenant,
            identity,
            "subscription_altered",
            lambda tx, old: _altered(tx, old, terms),
            by,
            expected,
        )

    async def pause(
        self, tenant: Tenant, identity: SubscriptionId, until_ms: int | None = None, *, by: str
    ) -> Standing:
        """No entries from now on, or until then; exits and stops of what is open go on."""
        return await self.db.write(
            _change,
            tenant,
            identity,
            "subscription_paused",
            lambda tx, old: paused(old, until_ms, tx.now_ms()),
            by,
        )

    async def resume(self, tenant: Tenant, identity: SubscriptionId, *, by: str) -> Standing:
        return await self.db.write(
            _change, tenant, identity, "subscription_resumed", lambda _, old: _resumed(old), by
        )

    async def cancel(
        self,
        tenant: Tenant,
        identity: SubscriptionId,
        positions: Positions = "keep",
        *,
        by: str,
    ) -> Standing:
        """For good. An open position is looked after until it is closed, or closed now."""
        return await self.db.write(
            self._wake_and_change,
            tenant,
            identity,
            "subscription_cancelled",
            lambda _, old: replace(
                old,
                state=changed(old.state, "cancelled"),
                paused_until_ms=None,
                positions=positions,
            ),
            by,
        )

    # ---- transactions ----------------------------------------------------------------------------

    def _wake_and_change(self, tx: Tx, *asked: Any) -> Standing:
        """Whoever closes positions need not wait for its poll."""
        tx.after_commit(lambda: self.bus.hint(names.wake("orders")))
        return _change(tx, *asked)

    def _subscribe(
        self,
        tx: Tx,
        identity: SubscriptionId,
        tenant: Tenant,
        account_id: AccountId,
        deployment_id: DeploymentId,
        terms: Terms,
        by: str,
    ) -> Standing:
        account = owned_account(tx, tenant, account_id)
        deployment, terms = wanted(tx, account, deployment_id, terms)
        _check_alone(tx, account, deployment, terms)
        made = proposed(tx, account, deployment, terms, identity)
        store.add(tx, made)
        _write_down(tx, made, "subscription_made", by)
        return standing(tx, made)


@dataclass(frozen=True)
class Resumer:
    """Pauses that end by themselves."""

    db: Database

    async def once(self, shards: Collection[Shard]) -> int:
        """How many go on now."""
        if not await self.db.read(_any_due, shards):
            return 0
        return await self.db.write(self._resume, shards)

    def _resume(self, tx: Tx, shards: Collection[Shard]) -> int:
        resumed = 0
        for old in store.due(tx, tx.now_ms(), shards):
            new = replace(_resumed(old), version=old.version + 1)
            if store.replace(tx, new, old.version):
                _write_down(tx, new, "subscription_resumed", OURSELVES)
                resumed += 1
        return resumed


def _any_due(tx: Tx, shards: Collection[Shard]) -> bool:
    return bool(store.due(tx, tx.now_ms(), shards))


def wanted(
    tx: Tx, account: Account, deployment_id: DeploymentId, terms: Terms
) -> tuple[Ship, Terms]:
    """What would be followed, and on which terms; or what stands in the way."""
    _check_open(account)
    deployment = _followable(tx, deployment_id)
    instrument = market.instrument(tx, deployment.instrument)
    _check_prices(tx, account, instrument)
    terms = agreed(_named(tx, terms), instrument, account.venue)
    _check_would_trade(terms, instrument)
    return deployment, terms


def proposed(
    tx: Tx, account: Account, deployment: Ship, terms: Terms, identity: SubscriptionId
) -> Subscription:
    return Subscription(
        id=identity,
        tenant=account.tenant,
        shard=Shard(account.shard),
        account_id=account.id,
        deployment_id=deployment.deployment,
        instrument=deployment.instrument,
        created_ms=tx.now_ms(),
        **asdict(terms),
    )


def _change(
    tx: Tx,
    tenant: Tenant,
    identity: SubscriptionId,
    kind: str,
    change: Callable[[Tx, Subscription], Subscription],
    by: str,
    expected: Expected = ANY,
) -> Standing:
    old = subscription(tx, tenant, identity)
    expected.check(old.version, identity)
    new = replace(change(tx, old), version=old.version + 1)
    if not store.replace(tx, new, old.version):
        raise Changed(f"{identity} was changed by somebody else.", remedy="Look and try again.")
    _write_down(tx, new, kind, by)
    return standing(tx, new)


def _resumed(old: Subscription) -> Subscription:
    return replace(old, state=changed(old.state, "active"), paused_until_ms=None)


def _altered(tx: Tx, old: Subscription, terms: Terms) -> Subscription:
    if old.state == "cancelled":
        changed(old.state, old.state)
    account = owned_account(tx, old.tenant, old.account_id)
    instrument = market.instrument(tx, old.instrument)
    # The margin book belongs to the position and stays.
    kept = replace(_named(tx, terms), margin_currency=old.margin_currency)
    return replace(old, **asdict(agreed(kept, instrument, account.venue)))


def _named(tx: Tx, terms: Terms) -> Terms:
    """What a person typed into the lists, as instruments and base currencies."""
    if not terms.symbols_allowed and not terms.symbols_denied:
        return terms
    bases = {one.base for one in market.instruments(tx)}

    def meant(field: str) -> tuple[str, ...]:
        return tuple(
            typed.upper() if typed.upper() in bases else _resolved(tx, typed, field)
            for typed in getattr(terms, field)
        )

    return replace(
        terms, symbols_allowed=meant("symbols_allowed"), symbols_denied=meant("symbols_denied")
    )


def _resolved(tx: Tx, typed: str, field: str) -> str:
    try:
        return market.resolve(tx, typed)
    except UnclearInstrument as error:
        raise BadTerms(error.what, field=field, remedy=error.remedy) from error


def _check_would_trade(terms: Terms, instrument: Instrument) -> None:
    """Asked of a new one alone: an old one may be told to enter nothing for a while."""
    if not permits(terms, instrument):
        field = "symbols_denied" if terms.symbols_denied else "symbols_allowed"
        raise BadTerms(
            f"The deployment trades {instrument.id}, which your lists do not let it: it would "
            "never trade.",
            field=field,
            remedy="Change the list, or follow another deployment.",
        )
    if not instrument.active or instrument.exit_only:
        raise BadTerms(
            f"{instrument.id} takes no entries at its exchange now: it would not trade.",
            field="deployment_id",
            remedy="Subscribe once the exchange lists it again.",
        )


def _check_open(account: Account) -> None:
    if account.state != "active":
        raise AccountClosed(
            f"The account {account.name!r} is {account.state}.",
            field="account_id",
            remedy=account.reason,
        )


def _check_prices(tx: Tx, account: Account, instrument: Instrument) -> None:
    """Real money follows real prices only, and those of its own exchange."""
    feed = market.feed_of(tx, instrument.id)
    if account.venue in ("paper", feed):
        return
    raise BadTerms(
        f"The prices of {instrument.id} are {feed}; the account {account.name!r} trades at "
        f"{account.venue}.",
        field="account_id",
        remedy=f"Put {account.venue} first in SLIPWAY_MARKET__FEEDS, or use a paper account.",
    )


def _followable(tx: Tx, identity: DeploymentId) -> Ship:
    with tx.for_everybody():  # an author's deployment is there to be followed
        found = deployments.standings(tx, [identity]).get(identity)
    if found is None or found.desired == "deleted":
        raise NoSuchDeployment(
            f"There is no deployment {identity!r}.",
            field="deployment_id",
            remedy="`slipway list` shows what can be followed.",
        )
    if found.shadow_of is not None:
        raise Unfollowable(
            "A shadow's signals are not acted on.",
            field="deployment_id",
            remedy=f"Follow the deployment that it stands beside, {found.shadow_of}.",
        )
    return found


def _check_alone(tx: Tx, account: Account, deployment: Ship, terms: Terms) -> None:
    found = store.rival(
        tx, account.id, deployment.deployment, deployment.instrument, terms.margin_currency
    )
    if found is None:
        return
    if found.deployment_id == deployment.deployment:
        what = f"The account {account.name!r} follows this deployment already, by {found.id}."
        raise AlreadySubscribed(what, field="deployment_id", remedy="Change that one instead.")
    raise AlreadySubscribed(
        f"{found.id} trades the {terms.margin_currency} position of {deployment.instrument} in the "
        f"account {account.name!r}; a venue keeps only one.",
        field="account_id",
        remedy="Use another account or the other margin currency, or cancel that one.",
    )


def _write_down(tx: Tx, new: Subscription, kind: str, by: str) -> None:
    body = {name: getattr(new, name) for name in TERMS} | {
        "state": new.state,
        "paused_until_ms": new.paused_until_ms,
        "positions": new.positions,
    }
    store.add_version(tx, new, canonical_json(body), by)
    events.record(
        tx,
        kind,
        "subscription",
        new.id,
        tenant=new.tenant,
        deployment=new.deployment_id,
        account=new.account_id,
        version=new.version,
        by=by,
    )
