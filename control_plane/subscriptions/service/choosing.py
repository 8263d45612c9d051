"""Traders subscribe, change their terms, pause, resume and cancel. Each change is a version of its
own, so that an intent of last week can be explained.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from control_plane.accounts.service import owned_account
from control_plane.brokers.capacity import Capacity
from control_plane.core.ids import (
    AccountId,
    DeploymentId,
    Rng,
    Shard,
    SubscriptionId,
    Tenant,
    random_id,
)
from control_plane.infra import events
from control_plane.infra.bus import Bus
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_match import ANY, Expected
from control_plane.market import service as market
from control_plane.subscriptions import store
from control_plane.subscriptions.errors import Changed
from control_plane.subscriptions.models import (
    TERMS,
    Positions,
    Subscription,
    Terms,
    agreed,
    changed,
    paused,
)
from control_plane.subscriptions.service.fitting import (
    check_alone,
    fit,
    named,
    proposed,
    reached,
    room_of,
)
from control_plane.subscriptions.service.following import Standing, standing, subscription
from strategy_runtime.wire import names

OURSELVES = "slipway"


@dataclass(frozen=True)
class Subscriptions:
    """`by` is who asked for it: it stands in the version that the change makes."""

    db: Database
    rng: Rng
    bus: Bus
    capacities: Mapping[str, Capacity] = field(default_factory=dict)  # by venue

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
            lambda tx, old: self._altered(tx, old, terms),
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
            _change, tenant, identity, "subscription_resumed", self._resumed, by
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
        found = fit(tx, self.capacities, account, deployment_id, terms)
        check_alone(tx, account, found.deployment, found.terms)
        made = proposed(tx, account, found, identity)
        store.add(tx, made)
        write_down(tx, made, "subscription_made", by)
        # Its prices are wanted before its first signal.
        tx.after_commit(lambda: self.bus.hint(names.wake("prices")))
        return standing(tx, made)

    def _altered(self, tx: Tx, old: Subscription, terms: Terms) -> Subscription:
        if old.state == "cancelled":
            changed(old.state, old.state)
        account = owned_account(tx, old.tenant, old.account_id)
        instrument = market.instrument(tx, old.instrument)
        # The margin book belongs to the position and stays.
        kept = replace(named(tx, terms), margin_currency=old.margin_currency)
        new = replace(old, **asdict(agreed(kept, instrument, account.venue)))
        reached(tx, new, instrument, standing(tx, new).leverage)
        if old.state == "active" and new.max_age_seconds < old.max_age_seconds:
            self._check_room(tx, new)
        return new

    def _resumed(self, tx: Tx, old: Subscription) -> Subscription:
        new = resumed(old)
        self._check_room(tx, new)
        return new

    def _check_room(self, tx: Tx, new: Subscription) -> None:
        account = owned_account(tx, new.tenant, new.account_id)
        room_of(tx, self.capacities, account, new.deployment_id, new, beside=new.id)


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
        count = 0
        for old in store.due(tx, tx.now_ms(), shards):
            new = replace(resumed(old), version=old.version + 1)
            if store.replace(tx, new, old.version):
                write_down(tx, new, "subscription_resumed", OURSELVES)
                count += 1
        return count


def _any_due(tx: Tx, shards: Collection[Shard]) -> bool:
    return bool(store.due(tx, tx.now_ms(), shards))


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
    write_down(tx, new, kind, by)
    return standing(tx, new)


def resumed(old: Subscription) -> Subscription:
    return replace(old, state=changed(old.state, "active"), paused_until_ms=None)


def write_down(tx: Tx, new: Subscription, kind: str, by: str) -> None:
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
