"""Opens the broker on real networks: a transport and a queue for each egress address."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from control_plane.brokers.coindcx.adapter import CoinDcxBroker
from control_plane.brokers.coindcx.client import Client, Hosts
from control_plane.brokers.coindcx.egress import DIRECT, Egress
from control_plane.brokers.coindcx.gate import Gate
from control_plane.brokers.coindcx.lanes import Keys, Lanes, Way
from control_plane.brokers.coindcx.limits import Limiter, Usage
from control_plane.brokers.coindcx.venue import VenueSettings
from control_plane.core.clock import Clock
from control_plane.core.ids import AccountId
from control_plane.infra.fast_net import AiohttpNet

NOBODY_BY_HAND: Mapping[AccountId, str] = {}


@dataclass(frozen=True)
class OpenBroker:
    broker: CoinDcxBroker
    limiter: Limiter
    nets: Sequence[AiohttpNet]
    clock: Clock

    def usage(self) -> Iterator[Usage]:
        """How full the limits of each key and address are now."""
        return self.limiter.usage(int(self.clock.monotonic() * 1000))

    async def close(self) -> None:
        for net in self.nets:
            await net.close()


def open_broker(
    keys: Keys,
    clock: Clock,
    settings: VenueSettings,
    *,
    hosts: Hosts | None = None,
    egresses: Sequence[Egress] = (DIRECT,),
    by_hand: Mapping[AccountId, str] = NOBODY_BY_HAND,
) -> OpenBroker:
    """Inside a running loop; `close` it at the end. One limiter counts for all addresses."""
    limiter = Limiter(settings.rates)
    nets = {
        each.name: AiohttpNet(local_address=each.local_address, proxy=each.proxy)
        for each in egresses
    }
    ways = {
        name: Way(
            Client(net, hosts or Hosts(), settings.deadline_seconds, settings.trust_texts),
            Gate(limiter, clock, name),
        )
        for name, net in nets.items()
    }
    lanes = Lanes(keys, ways, egresses, clock, settings, by_hand)
    return OpenBroker(CoinDcxBroker(lanes, settings), limiter, tuple(nets.values()), clock)
