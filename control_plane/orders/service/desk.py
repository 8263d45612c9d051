"""What every use case of orders is given."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from control_plane.brokers.capacity import Capacity
from control_plane.brokers.models import Broker
from control_plane.core.clock import Clock, ms
from control_plane.core.ids import InstrumentId, Rng, Shard
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.isolation import Isolation
from control_plane.infra.leases import Leases, held_in
from control_plane.market import service as market
from control_plane.orders.models.looking import APART_SECONDS, Patience
from control_plane.orders.models.prices import Quote
from control_plane.settings import TradingSettings
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import Tick

# After a venue's window: both clocks' skew, and how long it may hide what it took.
BEYOND_WINDOW_SECONDS = 7.0


class Ticking(Protocol):
    """Ticks as they come, for whoever iterates."""

    def __aiter__(self) -> AsyncIterator[tuple[InstrumentId, Tick]]: ...


class Prices(Protocol):
    """The last ticks, as the market slice keeps them."""

    def need(self, identities: Iterable[InstrumentId]) -> None: ...

    def last(self, identity: InstrumentId) -> Tick | None: ...

    def known(self) -> Collection[InstrumentId]: ...

    def ticks(self) -> AbstractAsyncContextManager[Ticking]: ...


@dataclass(frozen=True)
class Desk:
    db: Database
    bus: Bus
    clock: Clock
    rng: Rng
    leases: Leases
    failpoints: Failpoints
    brokers: Mapping[str, Broker]  # by venue
    quotes: Prices
    settings: TradingSettings
    scale: float = 1.0  # of all operational times together
    in_flight: set[str] = field(default_factory=set)  # intents that this process is sending
    heard: set[tuple[str, str]] = field(default_factory=set)  # venues and accounts that moved
    capacities: Mapping[str, Capacity] = field(default_factory=dict)  # of venues with limits

    @cached_property
    def isolation(self) -> Isolation:
        return Isolation(self.db, self.clock)

    def hear(self, venue: str, accounts: Collection[str]) -> None:
        """A venue says that something happened in these accounts. From whatever thread."""
        self.heard.update((venue, account) for account in accounts)
        self.bus.hint(names.wake("orders"))

    def take_heard(self) -> set[tuple[str, str]]:
        taken = set(self.heard)
        self.heard.difference_update(taken)
        return taken

    def now_ms(self) -> int:
        return ms(self.clock.now())

    def scaled_ms(self, seconds: float) -> int:
        return int(seconds * self.scale * 1000)

    def epoch(self, shard: int) -> int:
        return self.leases.epoch(Shard(shard))

    def holds(self, tx: Tx, shard: Shard) -> bool:
        """Whether the lease stands, asked inside the transaction that rests on it: a row that
        refuses our epoch must not stand beside one that has none.
        """
        epoch = self.leases.epoch(shard)
        return held_in(tx, self.leases.role, shard, self.leases.holder, epoch)

    def owned(self) -> frozenset[Shard]:
        return self.leases.owned()

    def quote(self, instrument: str) -> Quote | None:
        tick = self.quotes.last(InstrumentId(instrument))
        if tick is None:
            return None
        return Quote(tick.price, max(0, self.now_ms() - (tick.published_ms or tick.at_ms)))

    def quoted(self, tx: Tx) -> list[tuple[Instrument, Quote]]:
        """Everything that has a price here, with it: what rates are made of."""
        return [
            (listed, quote)
            for listed in market.instruments_among(tx, self.quotes.known())
            if (quote := self.quote(listed.id)) is not None
        ]

    def patience(self, venue: str) -> Patience:
        """An order may still arrive as long as the venue takes a request that old."""
        broker = self.brokers.get(venue)
        window_ms = 0 if broker is None else int(broker.profile.window_seconds * 1000)
        settle_ms = self.scaled_ms(self.settings.settle_seconds)
        return Patience(
            settle_ms=max(settle_ms, window_ms + self.scaled_ms(BEYOND_WINDOW_SECONDS)),
            apart_ms=self.scaled_ms(APART_SECONDS),
            quarantine_ms=self.scaled_ms(self.settings.quarantine_seconds),
        )

    def wake(self, tx: Tx) -> None:
        """Whoever sends or follows orders need not wait for its poll."""
        tx.after_commit(lambda: self.bus.hint(names.wake("orders")))
