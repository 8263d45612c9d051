"""Opens the broker on real networks: a transport and a queue for each egress address."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from control_plane.brokers.coindcx.adapter import CoinDcxBroker
from control_plane.brokers.coindcx.client import Client, Hosts
from control_plane.brokers.coindcx.egress import parse_egress, pinned
from control_plane.brokers.coindcx.gate import Gate
from control_plane.brokers.coindcx.lanes import Keys, Lanes, Way
from control_plane.brokers.coindcx.limits import Limiter, Usage
from control_plane.brokers.coindcx.sight import LOST_SECONDS, Sight
from control_plane.brokers.coindcx.skew import Skew
from control_plane.brokers.coindcx.venue import venue_settings
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.clock import Clock
from control_plane.core.ids import AccountId
from control_plane.errors import Missing
from control_plane.infra.fast_net import AiohttpNet
from control_plane.settings import CoinDcxSettings


@dataclass(frozen=True)
class OpenLanes:
    """The ways to the venue, with what has to be closed at the end."""

    lanes: Lanes
    limiter: Limiter
    nets: Sequence[AiohttpNet]
    skew: Skew
    sight: Sight

    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return sum(way.gate.waiting for way in self.lanes.ways.values())

    def usage(self) -> Iterator[Usage]:
        """How full the limits of each key and address are now."""
        return self.limiter.usage(int(self.lanes.clock.monotonic() * 1000))

    async def close(self) -> None:
        for net in self.nets:
            await net.close()


@dataclass(frozen=True)
class OpenBroker:
    broker: CoinDcxBroker
    ways: OpenLanes

    async def close(self) -> None:
        await self.ways.close()


class NoKeys:
    """Of a role that asks public questions alone."""

    async def credentials(self, account: AccountId) -> Credentials:
        raise Missing("This role opens no broker keys.")


def open_broker(
    keys: Keys, clock: Clock, section: CoinDcxSettings, scale: float = 1.0
) -> OpenBroker:
    """Inside a running loop; `close` it at the end."""
    ways = open_lanes(keys, clock, section, scale)
    return OpenBroker(CoinDcxBroker(ways.lanes, ways.lanes.settings), ways)


def open_lanes(keys: Keys, clock: Clock, section: CoinDcxSettings, scale: float = 1.0) -> OpenLanes:
    """Inside a running loop; `close` it at the end. One limiter counts for all addresses."""
    settings = venue_settings(section)
    egresses = parse_egress(section.egress)
    by_hand = {AccountId(each): name for each, name in section.egress_by_account.items()}
    for account in by_hand:
        pinned(account, egresses, by_hand)
    hosts = Hosts(section.api_url, section.public_url)
    limiter, skew = Limiter(settings.rates), Skew(clock)
    sight = Sight(clock, LOST_SECONDS * scale)
    nets = {
        each.name: AiohttpNet(local_address=each.local_address, proxy=each.proxy)
        for each in egresses
    }
    ways = {
        name: Way(
            Client(net, hosts, settings.deadline_seconds, settings.trust_texts, skew, sight),
            Gate(limiter, clock, name),
        )
        for name, net in nets.items()
    }
    lanes = Lanes(keys, ways, egresses, clock, settings, by_hand)
    return OpenLanes(lanes, limiter, tuple(nets.values()), skew, sight)
