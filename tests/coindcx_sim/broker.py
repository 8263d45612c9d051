"""Our broker over the simulated venue, in one process."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from control_plane.brokers.coindcx.adapter import CoinDcxBroker
from control_plane.brokers.coindcx.client import Client
from control_plane.brokers.coindcx.egress import DIRECT
from control_plane.brokers.coindcx.gate import Gate
from control_plane.brokers.coindcx.lanes import Lanes, Way
from control_plane.brokers.coindcx.limits import Limiter, Rates
from control_plane.brokers.coindcx.venue import VenueSettings
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.clock import Clock
from control_plane.core.ids import AccountId
from control_plane.errors import Missing
from control_plane.infra.net import Net
from tests.coindcx_sim.exchange import Exchange
from tests.coindcx_sim.inprocess import SimNet

UNLIMITED = Rates(10**6, 10**6, 10**6, 10**6, 10**6, 10**6)
UNHURRIED = VenueSettings(rates=UNLIMITED)


@dataclass(frozen=True)
class KeyRing:
    """Keys that nobody sealed."""

    keys: Mapping[AccountId, Credentials]

    async def credentials(self, account: AccountId) -> Credentials:
        if account not in self.keys:
            raise Missing(f"There is no key of account {account}.")
        return self.keys[account]


def broker_over(
    exchange: Exchange,
    clock: Clock,
    keys: Mapping[AccountId, Credentials],
    settings: VenueSettings = UNHURRIED,
    net: Net | None = None,
) -> CoinDcxBroker:
    client = Client(
        net or SimNet(exchange, clock),
        deadline_seconds=settings.deadline_seconds,
        trust_texts=settings.trust_texts,
    )
    way = Way(client, Gate(Limiter(settings.rates), clock, DIRECT.name))
    lanes = Lanes(KeyRing(keys), {DIRECT.name: way}, (DIRECT,), clock, settings)
    return CoinDcxBroker(lanes, settings)


def with_stops(settings: VenueSettings = UNHURRIED) -> VenueSettings:
    return replace(settings, spot_stop_orders=True)
