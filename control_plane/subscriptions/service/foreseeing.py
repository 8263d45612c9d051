"""What whoever subscribes is shown; whoever plans orders can tell it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from control_plane.core.ids import AccountId, DeploymentId, SubscriptionId, Tenant
from control_plane.subscriptions.models import Leverage, Smallest, Subscription, Terms
from control_plane.subscriptions.models.previewing import Line
from control_plane.subscriptions.service.fitting import Room
from strategy_runtime.rules.instruments import Instrument


@dataclass(frozen=True)
class Preview:
    subscription: Subscription
    instrument: Instrument
    leverage: Leverage
    smallest: Smallest | None
    room: Room | None
    lines: Sequence[Line]


class Previewer(Protocol):
    async def ahead(
        self, tenant: Tenant, account: AccountId, deployment: DeploymentId, terms: Terms, most: int
    ) -> Preview:
        """Of a subscription that is not there yet; refused as subscribing would refuse it."""
        ...

    async def of(self, tenant: Tenant, identity: SubscriptionId, most: int) -> Preview: ...

    async def room(self, deployment: DeploymentId, venue: str, age_seconds: int) -> Room: ...
