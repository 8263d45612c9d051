"""What CoinDCX lets one trade, kept up to date: its rulebook, and the rate that it converts by.

The rules of spot come in one answer, those of futures one by one for each margin book. So contracts
that somebody wants are read anew each time, the others in turn; until a contract's rules were read
for the first time it is not offered.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from loguru import logger

from control_plane.brokers.coindcx import public
from control_plane.brokers.coindcx.answers import told
from control_plane.brokers.coindcx.catalogue import futures_instrument, spot_instrument, strictest
from control_plane.brokers.coindcx.lanes import Lanes
from control_plane.brokers.coindcx.models import BOOKS
from control_plane.brokers.errors import VenueUnreachable
from control_plane.core.clock import Clock
from control_plane.core.ids import SHARDS, Shard
from control_plane.errors import Unavailable
from control_plane.infra.db import Database, Tx
from control_plane.infra.leases import Leases
from control_plane.market import store
from control_plane.market.models.choice import Choice
from control_plane.market.worker.live import FEED
from strategy_runtime.rules.instruments import Instrument

RATE_SECONDS = 20.0
AGAIN_SECONDS = 10.0
IN_TURN = 100  # contracts nobody wants, read anew each time
LEADS = Shard(SHARDS - 1)  # whoever owns this shard lists for all


@dataclass
class Lister:
    db: Database
    clock: Clock
    leases: Leases
    lanes: Lanes
    choice: Choice
    catalogue_seconds: float
    wanted: Callable[[], Awaitable[Collection[str]]]
    _contracts: dict[str, Instrument] = field(default_factory=dict)  # oldest first
    _next: float = float("-inf")

    async def run(self) -> None:
        while True:
            if self.leases.is_trusted(LEADS):
                await self.once()
            await self.clock.sleep(min(RATE_SECONDS, self.catalogue_seconds))

    async def once(self) -> None:
        """One that gives no answer holds up the other no longer than until it is tried again."""
        await self._trying("conversion_price", self._rate)
        if self.clock.monotonic() >= self._next:
            listed = await self._trying("catalogue", self._list)
            rest = self.catalogue_seconds if listed else AGAIN_SECONDS
            self._next = self.clock.monotonic() + rest

    async def _trying(self, what: str, read: Callable[[], Awaitable[None]]) -> bool:
        try:
            await read()
        except Unavailable as error:
            logger.warning("exchange_not_read", feed=FEED, what=what, reason=str(error))
            return False
        return True

    async def _rate(self) -> None:
        """What one unit of a margin currency's target costs in it, as the exchange books it."""
        for each in told(await self.lanes.look(public.conversions())):
            await self.db.write(
                store.put_rate, each.target_currency, each.margin_currency, each.price
            )

    async def _list(self) -> None:
        markets, odd = told(await self.lanes.look(public.markets_details()))
        if odd:
            logger.warning("markets_not_understood", count=len(odd), first=odd[0])
        spot = [spot_instrument(each, self.lanes.settings) for each in markets]
        # Spot need not wait for hundreds of contracts.
        await self._keep([*spot, *await self.db.read(_stored_contracts)])
        listed = {
            book: told(await self.lanes.look(public.active_instruments(book))) for book in BOOKS
        }
        pairs = sorted({pair for some in listed.values() for pair in some})
        for pair in await self._due(pairs):
            await self._read(pair, [book for book in BOOKS if pair in listed[book]])
        for gone in self._contracts.keys() - set(pairs):
            del self._contracts[gone]
        stored = {one.pair: one for one in await self.db.read(_stored_contracts)}
        contracts = [self._contracts.get(pair) or stored.get(pair) for pair in pairs]
        await self._keep([*spot, *(one for one in contracts if one is not None)])

    async def _due(self, pairs: Collection[str]) -> list[str]:
        """Those never read, those wanted, and then whoever was read longest ago."""
        wanted = {one.partition(":")[2] for one in await self.wanted() if one.startswith("fut:")}
        fresh = [pair for pair in pairs if pair not in self._contracts]
        asked = [pair for pair in pairs if pair in wanted and pair in self._contracts]
        others = [pair for pair in self._contracts if pair in pairs and pair not in wanted]
        return [*sorted(fresh, key=lambda pair: pair not in wanted), *asked, *others[:IN_TURN]]

    async def _read(self, pair: str, books: Collection[str]) -> None:
        """The rules that hold in every margin book that lists it."""
        found: list[Instrument] = []
        for book in books:
            try:
                rules = told(await self.lanes.look(public.instrument(pair, book)))
            except VenueUnreachable as error:
                logger.warning("contract_not_read", pair=pair, book=book, reason=str(error))
                return
            found.append(futures_instrument(rules))
        self._contracts.pop(pair, None)
        self._contracts[pair] = strictest(found)

    async def _keep(self, listed: list[Instrument]) -> None:
        await self.db.write(store.list_instruments, listed, FEED, self.choice)


def _stored_contracts(tx: Tx) -> list[Instrument]:
    return [one for one in store.active_instruments(tx, FEED) if one.is_futures]
