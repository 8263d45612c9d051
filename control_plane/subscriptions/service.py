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
from control_plane.deployments.service import Standing
from control_plane.infra import events
from control_plane.infra.db import Database, Tx
from control_plane.infra.events import canonical_json
from control_plane.infra.http_match import ANY, Expected
from control_plane.market import service as market
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
    State,
    Subscription,
    Terms,
    agreed,
    changed,
)
from strategy_runtime.rules.instruments import Instrument

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


def followed_instruments(tx: Tx) -> set[InstrumentId]:
    """Whose prices matter to anybody."""
    return store.followed_instruments(tx)


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


def versions(tx: Tx, identity: SubscriptionId) -> list[Version]:
    """Oldest first."""
    return [
        Version(row.version, msgspec.json.decode(row.body), row.changed_ms, row.changed_by)
        for row in store.versions(tx, identity)
    ]


# ---- for traders ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subscriptions:
    db: Database
    rng: Rng

    async def subscribe(
        self, tenant: Tenant, account: AccountId, deployment: DeploymentId, terms: Terms
    ) -> Subscription:
        identity = SubscriptionId(random_id("sb", self.rng))
        return await self.db.write(_subscribe, identity, tenant, account, deployment, terms)

    async def alter(
        self, tenant: Tenant, identity: SubscriptionId, terms: Terms, expected: Expected = ANY
    ) -> Subscription:
        """New terms for what comes; what is under way keeps the terms that it was planned with."""
        return await self.db.write(
            _change,
            tenant,
            identity,
            "subscription_altered",
            lambda tx, old: _altered(tx, old, terms),
            expected,
        )

    async def pause(self, tenant: Tenant, identity: SubscriptionId) -> Subscription:
        """No entries from now on; exits and stops of what is open go on."""
        return await self._move(tenant, identity, "paused")

    async def resume(self, tenant: Tenant, identity: SubscriptionId) -> Subscription:
        return await self._move(tenant, identity, "active")

    async def cancel(self, tenant: Tenant, identity: SubscriptionId) -> Subscription:
        """For good. An open position is still looked after until it is closed."""
        return await self._move(tenant, identity, "cancelled")

    async def _move(self, tenant: Tenant, identity: SubscriptionId, to: State) -> Subscription:
        kind = {"active": "resumed"}.get(to, to)
        return await self.db.write(
            _change,
            tenant,
            identity,
            f"subscription_{kind}",
            lambda _, old: replace(old, state=changed(old.state, to)),
        )


def _subscribe(
    tx: Tx,
    identity: SubscriptionId,
    tenant: Tenant,
    account_id: AccountId,
    deployment_id: DeploymentId,
    terms: Terms,
) -> Subscription:
    account = owned_account(tx, tenant, account_id)
    _check_open(account)
    deployment = _followable(tx, deployment_id)
    instrument = market.instrument(tx, deployment.instrument)
    _check_prices(tx, account, instrument)
    terms = agreed(terms, instrument, account.venue)
    _check_alone(tx, account, deployment, terms)
    made = Subscription(
        id=identity,
        tenant=tenant,
        shard=Shard(account.shard),
        account_id=account_id,
        deployment_id=deployment_id,
        instrument=deployment.instrument,
        created_ms=tx.now_ms(),
        **asdict(terms),
    )
    store.add(tx, made)
    _write_down(tx, made, "subscription_made")
    return made


def _change(
    tx: Tx,
    tenant: Tenant,
    identity: SubscriptionId,
    kind: str,
    change: Callable[[Tx, Subscription], Subscription],
    expected: Expected = ANY,
) -> Subscription:
    old = subscription(tx, tenant, identity)
    expected.check(old.version, identity)
    new = replace(change(tx, old), version=old.version + 1)
    if not store.replace(tx, new, old.version):
        raise Changed(f"{identity} was changed by somebody else.", remedy="Look and try again.")
    _write_down(tx, new, kind)
    return new


def _altered(tx: Tx, old: Subscription, terms: Terms) -> Subscription:
    if old.state == "cancelled":
        changed(old.state, old.state)
    account = owned_account(tx, old.tenant, old.account_id)
    instrument = market.instrument(tx, old.instrument)
    # The margin book belongs to the position and stays.
    kept = replace(terms, margin_currency=old.margin_currency)
    return replace(old, **asdict(agreed(kept, instrument, account.venue)))


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


def _followable(tx: Tx, identity: DeploymentId) -> Standing:
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


def _check_alone(tx: Tx, account: Account, deployment: Standing, terms: Terms) -> None:
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


def _write_down(tx: Tx, new: Subscription, kind: str) -> None:
    body = {name: getattr(new, name) for name in TERMS} | {"state": new.state}
    store.add_version(tx, new, canonical_json(body), new.tenant)
    events.record(
        tx,
        kind,
        "subscription",
        new.id,
        tenant=new.tenant,
        deployment=new.deployment_id,
        account=new.account_id,
        version=new.version,
    )
