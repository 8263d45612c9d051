"""A feed that loses an instrument to another one while it takes it up."""

from collections.abc import Sequence
from dataclasses import dataclass

from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.market import store
from control_plane.market.models.catalogue import BY_ID
from control_plane.market.models.choice import Choice
from control_plane.market.models.spans import Spans
from control_plane.market.models.trades import Closed
from control_plane.market.worker.feeding import Feeder
from control_plane.market.worker.publisher import Publisher
from control_plane.market.worker.simulated import SimulatedFeed
from control_plane.settings import MarketSettings
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire.messages import Candle
from tests.fakes.clock import FakeClock

BTC, ETH = "spot:B-BTC_USDT", "spot:B-ETH_USDT"
REAL = Choice(("coindcx", "simulated"))
PAST: Spans = (("1h", 3), ("1m", 5))


@dataclass(frozen=True)
class Overtaken(SimulatedFeed):
    """While it makes up a past, the exchange's list comes in."""

    db: Database | None = None

    async def beginning(self, instrument: Instrument, until_ms: int) -> Sequence[Closed]:
        assert self.db is not None
        await self.db.write(store.list_instruments, [instrument], "coindcx", REAL)
        return await super().beginning(instrument, until_ms)


def closed(identity: str) -> Closed:
    return Closed(identity, "1m", Candle(60_000, 1.0, 1.0, 1.0, 1.0, 1.0, 1))


async def test_a_feed_adds_only_to_what_it_feeds(memory: Database) -> None:
    for identity, feed in ((BTC, "coindcx"), (ETH, "simulated")):
        await memory.write(store.list_instruments, [BY_ID[identity].instrument], feed)
    both = [closed(BTC), closed(ETH)]
    assert await memory.write(store.add_fed, both, "simulated") == [closed(ETH)]
    assert await memory.read(store.last_minute, BTC) is None
    assert await memory.read(store.last_minute, ETH) == both[1].candle


async def test_no_past_is_made_up_for_what_was_taken_over(
    memory: Database, clock: FakeClock
) -> None:
    feed = Overtaken(clock, 1, {BTC: BY_ID[BTC]}, PAST, db=memory)
    await memory.write(store.list_instruments, feed.instruments(), feed.name)
    leases = Leases("market", "test", "here", memory, clock, Failpoints(clock), 1e5)
    await leases.once()
    publisher = Publisher(memory, Bus("redis://127.0.0.1:1", clock), clock, leases, 10)
    feeder = Feeder(memory, clock, leases, MarketSettings(), feed, publisher)
    await feeder.once()
    assert await memory.read(store.feed_of, BTC) == "coindcx"
    assert await memory.read(store.count_candles, BTC) == 0
