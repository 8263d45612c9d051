"""The market's loops, put together: whichever feeds are configured, side by side, and one publisher
for all of them.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

from redis.exceptions import RedisError

from control_plane.brokers.coindcx.lanes import Lanes
from control_plane.core.clock import Clock
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.leases import Leases
from control_plane.market import store
from control_plane.market.models.choice import Choice
from control_plane.market.models.trades import Feed
from control_plane.market.service.history import History
from control_plane.market.worker.feeding import Feeder
from control_plane.market.worker.listing import Lister
from control_plane.market.worker.live import LiveFeeder
from control_plane.market.worker.publisher import Publisher
from control_plane.market.worker.simulated import SimulatedFeed
from control_plane.market.worker.upstream import Upstream
from control_plane.settings import MarketSettings
from strategy_runtime.wire import names

CONVERTS = ("USDT", "INR")  # the pair that sizes need on every account: always listened to


@dataclass(frozen=True)
class Real:
    """What a real feed stands on."""

    lanes: Lanes
    upstream: Upstream
    history: History


@dataclass(frozen=True)
class MarketWorker:
    db: Database
    bus: Bus
    clock: Clock
    leases: Leases
    settings: MarketSettings
    feed: Feed | None = None  # the simulated one, if not given
    real: Real | None = None
    _heard: set[str] = field(default_factory=set)  # the last that listened on the bus

    async def run(self) -> None:
        await self.db.write(store.retire_feeds, self.settings.feeds)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.publisher.send(), name="market-send")
            group.create_task(self.publisher.keep(), name="market-keep")
            if "simulated" in self.settings.feeds:
                group.create_task(self._simulate(), name="market-feed")
            if self.real is not None:
                live, lister = self._live(self.real)
                group.create_task(lister.run(), name="market-list")
                group.create_task(live.run(), name="market-live")

    @cached_property
    def publisher(self) -> Publisher:
        return Publisher(self.db, self.bus, self.clock, self.leases, self.settings.history_candles)

    @property
    def choice(self) -> Choice:
        return Choice(self.settings.feeds, self.settings.feed_by_instrument)

    async def _simulate(self) -> None:
        feed = self.feed or SimulatedFeed(self.clock, self.settings.seed)
        await self.db.write(store.list_instruments, feed.instruments(), feed.name, self.choice)
        await Feeder(self.db, self.clock, self.leases, self.settings, feed, self.publisher).run()

    def _live(self, real: Real) -> tuple[LiveFeeder, Lister]:
        live = LiveFeeder(
            self.db,
            self.clock,
            self.leases,
            self.settings,
            real.upstream,
            real.history,
            self.publisher,
            self.wanted,
        )
        lister = Lister(
            self.db,
            self.clock,
            self.leases,
            real.lanes,
            self.choice,
            self.settings.catalogue_seconds,
            self.wanted,
        )
        return live, lister

    async def wanted(self) -> Collection[str]:
        """Whose candles somebody reads, whose ticks somebody listens to on the bus, and what
        converts currencies.
        """
        try:
            found = await self.bus.client.pubsub_channels(names.ticks("*"))
        except (RedisError, OSError, TimeoutError):
            pass  # who listened a moment ago still does
        else:
            prefix = names.ticks("")
            self._heard.clear()
            self._heard.update(_text(one).removeprefix(prefix) for one in found)
        return self._heard | await self.db.read(_wanted)


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _wanted(tx: Tx) -> set[str]:
    return {*store.spot_of(tx, *CONVERTS), *(instrument for instrument, _ in store.wanted(tx))}
