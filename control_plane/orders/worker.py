"""The endless loops of orders: plan, send, follow, and let ticks through.

Each is a `run` around a `once`; recovering after a crash is the same steps. A hint only shortens
the wait for the next poll.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from loguru import logger
from sqlalchemy.engine import Row

from control_plane.brokers.errors import VenueUnreachable
from control_plane.core.ids import InstrumentId, Shard
from control_plane.errors import Unavailable
from control_plane.infra.bus import Hint
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.orders.models.states import UNSENT
from control_plane.orders.service.closing import Closer
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.enforcing import Enforcer
from control_plane.orders.service.looking import SWEEP_SECONDS, Looker
from control_plane.orders.service.planning import Planner
from control_plane.orders.service.protecting import Protector
from control_plane.orders.service.releasing import Releaser
from control_plane.orders.service.resting import STOP_LOOK_SECONDS, Rester
from control_plane.orders.service.sending import Sender
from control_plane.orders.service.tracking import Tracker
from control_plane.orders.store import intents, trades
from control_plane.subscriptions import service as subscriptions
from control_plane.subscriptions.service import Resumer
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import Tick

POLL_SECONDS = 1.0
WORKING_POLL_SECONDS = 0.1
ALL_ACCOUNTS_SECONDS = 5.0  # how often quiet accounts are asked for fills
NEEDED_SECONDS = 2.0


class TickDriven(Protocol):
    """A venue whose market is the ticks that we hand it: the paper exchange."""

    async def on_tick(self, instrument: Instrument, tick: Tick) -> int: ...


@dataclass
class Follower:
    """After an order left: doubt, fills, rests, stops and ways out, in this order."""

    desk: Desk
    looker: Looker
    tracker: Tracker
    rester: Rester
    protector: Protector
    closer: Closer
    enforcer: Enforcer
    _asked_all: float = field(default=float("-inf"))
    _swept: float = field(default=float("-inf"))

    async def once(self) -> int:
        """How much is still under way."""
        db, owned = self.desk.db, self.desk.owned()
        stale = self.desk.now_ms() - self.desk.scaled_ms(STOP_LOOK_SECONDS)
        rows = await db.read(intents.under_way, owned, stale)
        busy = await self.looker.once(rows)
        busy += await self.tracker.read(await self._accounts(rows))
        busy += await self.rester.once(rows)
        held, planned = await db.read(_after_fills, owned)
        busy += await self.protector.once(held)
        busy += await self.closer.once(held, planned)
        busy += await self.enforcer.once()
        await self._sweep()
        return busy

    async def _sweep(self) -> None:
        now = self.desk.clock.monotonic()
        if now - self._swept >= SWEEP_SECONDS * self.desk.scale:
            self._swept = now
            await self.looker.sweep()

    async def _accounts(self, rows: Sequence[Row[Any]]) -> dict[str, set[str]]:
        """Those where something is under way or was announced; now and then, all that hold."""
        desk = self.desk
        working: dict[str, set[str]] = {}
        for row in rows:
            if row.state not in UNSENT:
                working.setdefault(row.venue, set()).add(row.account_id)
        for venue, account in desk.take_heard():
            working.setdefault(venue, set()).add(account)
        now = desk.clock.monotonic()
        if now - self._asked_all >= ALL_ACCOUNTS_SECONDS * desk.scale:
            self._asked_all = now
            holding = await desk.db.read(trades.holding_accounts, desk.owned())
            for venue, accounts in holding.items():
                working.setdefault(venue, set()).update(accounts)
        return working


def _after_fills(tx: Tx, owned: frozenset[Shard]) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]]]:
    """What has to be protected or left, and what waits to leave."""
    held = trades.open_in(tx, owned, {"unprotected", "exiting"})
    return held, intents.in_states(tx, owned, {"PLANNED"})


@dataclass
class Ticks:
    """Lets the market through to venues that live on our ticks, and watches targets."""

    desk: Desk
    closer: Closer
    venues: tuple[TickDriven, ...]
    _instruments: dict[InstrumentId, Instrument] = field(default_factory=dict)

    async def run(self) -> None:
        async with self.desk.quotes.ticks() as ticks:
            async for identity, tick in ticks:
                isolation = self.desk.isolation
                await isolation.run("instrument", identity, self.let_through, identity, tick)

    def forget(self) -> None:
        """Rules of instruments change: read them again."""
        self._instruments.clear()

    async def let_through(self, identity: InstrumentId, tick: Tick) -> None:
        instrument = self._instruments.get(identity)
        if instrument is None:
            instrument = await self.desk.db.read(market.instrument, identity)
            self._instruments[identity] = instrument
        for venue in self.venues:
            await venue.on_tick(instrument, tick)
        await self.closer.watch(instrument, tick)


@dataclass(frozen=True)
class Loops:
    """What the trading role runs."""

    desk: Desk
    planner: Planner
    sender: Sender
    follower: Follower
    ticks: Ticks
    resumer: Resumer

    async def plan(self) -> None:
        await self._repeat(names.wake("signals"), self.planner.once)

    async def send(self) -> None:
        """A slow answer holds up nobody: what is ready leaves while there is room on the way. If
        the database is away, what is on its way arrives before we start anew.
        """
        async with self.desk.bus.hints(names.wake("orders")) as hint:
            async with asyncio.TaskGroup() as group:
                away = await self._let_out(group, hint)
            raise away

    async def _let_out(self, group: asyncio.TaskGroup, hint: Hint) -> Unavailable:
        while True:
            try:
                left = await self.sender.let_out(group)
            except Unavailable as error:
                return error
            if self.sender.is_full:
                await self.sender.room(WORKING_POLL_SECONDS)
                continue
            busy = left or self.desk.in_flight
            await hint.wait(WORKING_POLL_SECONDS if busy else POLL_SECONDS)

    async def follow(self) -> None:
        await self._repeat(names.wake("orders"), self.follower.once)

    async def end_pauses(self) -> None:
        while True:
            await self.resumer.once(self.desk.owned())
            await self.desk.clock.sleep(POLL_SECONDS)

    async def let_ticks_through(self) -> None:
        await self.ticks.run()

    async def need_prices(self) -> None:
        """Whose prices this process keeps: of what is followed, held, or converts a currency."""
        async with self.desk.bus.hints(names.wake("prices")) as hint:
            while True:
                wanted = await self.desk.db.read(self._needed)
                self.desk.quotes.need(wanted)
                self.ticks.forget()
                await hint.wait(NEEDED_SECONDS * self.desk.scale)

    async def _repeat(self, hint_name: str, once: Callable[[], Awaitable[int]]) -> None:
        async with self.desk.bus.hints(hint_name) as hint:
            while True:
                try:
                    busy = await once()
                except VenueUnreachable as error:
                    logger.warning("venue_unreachable", reason=str(error))
                    busy = 0
                await hint.wait(WORKING_POLL_SECONDS if busy else POLL_SECONDS)

    def _needed(self, tx: Tx) -> set[InstrumentId]:
        followed = subscriptions.followed_instruments(tx)
        held = {InstrumentId(one) for one in trades.open_instruments(tx, self.desk.owned())}
        return followed | held | {InstrumentId(one) for one in market.converting(tx)}


def loops(desk: Desk, *, tick_driven: tuple[TickDriven, ...] = ()) -> Loops:
    """Put the use cases together."""
    looker = Looker(desk)
    rester = Rester(desk, looker)
    closer = Closer(desk, rester)
    follower = Follower(
        desk, looker, Tracker(desk), rester, Protector(desk, rester), closer, Enforcer(desk, rester)
    )
    return Loops(
        desk,
        Planner(desk),
        Sender(desk, Releaser(desk)),
        follower,
        Ticks(desk, closer, tick_driven),
        Resumer(desk.db),
    )
