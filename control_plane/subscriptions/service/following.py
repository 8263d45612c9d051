"""What other slices ask of subscriptions, and what each of them was and is."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from control_plane.core.ids import (
    AccountId,
    DeploymentId,
    InstrumentId,
    Shard,
    SubscriptionId,
    Tenant,
)
from control_plane.deployments import service as deployments
from control_plane.infra.db import Tx
from control_plane.infra.paging import Asked, Found
from control_plane.market import service as market
from control_plane.subscriptions import store
from control_plane.subscriptions.errors import NoSuchSubscription
from control_plane.subscriptions.models import Leverage, Subscription, leverage_of

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


def counts(tx: Tx, kind: Literal["deployment", "account"], ids: Collection[str]) -> dict[str, int]:
    """How many stand, of each deployment or account."""
    return store.counts(tx, kind, ids)


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
