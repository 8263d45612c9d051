"""Real minutes in, candles out: what the exchange says is kept until it is final, then committed
and said.

Only instruments that somebody wants are listened to. Starting, wanting one more and coming back
after an outage are one path: read what the list of bars says since the table's last minute, go on
with the socket. An instrument that is behind is marked as such until it has caught up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from loguru import logger

from control_plane.brokers.coindcx.frames import CandleTold, Told, TradeTold
from control_plane.brokers.coindcx.stream import Gap
from control_plane.core.clock import REAL_MARKET, Clock, ms
from control_plane.core.ids import shard_of
from control_plane.errors import Unavailable
from control_plane.infra.db import Database, Tx
from control_plane.infra.leases import Leases
from control_plane.market import store
from control_plane.market.models.aggregation import Rollup
from control_plane.market.models.dating import dated
from control_plane.market.models.exchange_time import ExchangeTime
from control_plane.market.models.live import LiveMinutes, Shape
from control_plane.market.models.trades import MINUTE_MS, Closed, Trade
from control_plane.market.service.history import History
from control_plane.market.worker.resuming import FILL_MS, Resumer
from control_plane.market.worker.upstream import Upstream
from control_plane.settings import MarketSettings
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire.resolutions import close_of

FEED = "coindcx"
FOLLOW_SECONDS = 1.0
BEAT_SECONDS = 0.25  # how late a minute may be noticed to lack something
ASK_AGAIN_SECONDS = 1.0
LONGEST_REST_SECONDS = 5.0  # between questions that nobody answers
ASKING_AT_ONCE = 16
NEWS_MS = 15_000  # a minute said later than this after its end is no news but a gap
FORGOTTEN_MINUTES = 3  # that traded without a frame: the venue may have forgotten our join

Wanted = Callable[[], Awaitable[Collection[str]]]


class Voice(Protocol):
    """What says on the bus what was heard here."""

    def tick(self, trade: Trade) -> None: ...

    def candles(self, closed: Sequence[Closed]) -> None: ...

    def renew(self, instruments: Collection[str]) -> None: ...


@dataclass(eq=False)
class Line:
    """One instrument that is fed."""

    instrument: Instrument
    minutes: LiveMinutes
    rollup: Rollup
    is_taken_up: bool = False
    failures: int = 0  # of the list of bars, in a row
    rests_until: float = 0.0
    is_asking: bool = False
    lag: str | None = "it was not fed before"


@dataclass
class LiveFeeder:
    db: Database
    clock: Clock
    leases: Leases
    settings: MarketSettings
    upstream: Upstream
    history: History
    publisher: Voice
    wanted: Wanted
    time: ExchangeTime = field(default_factory=ExchangeTime)
    _lines: dict[str, Line] = field(default_factory=dict)
    _due: asyncio.Event = field(default_factory=asyncio.Event)
    _trades: int = 0

    async def run(self) -> None:
        await self.db.write(_keep_time)
        self._lines.clear()
        self.upstream.forget()
        self.upstream.deliver = self.heard
        asking = asyncio.Semaphore(ASKING_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._close(group, asking), name="market-live-close")
            while True:
                try:
                    await self._follow(group, asking)
                except Unavailable as error:
                    logger.warning("market_waits", feed=FEED, reason=str(error))
                await self.clock.sleep(FOLLOW_SECONDS)

    def wake(self) -> None:
        """Look at once."""
        self._due.set()

    # ---- hearing ---------------------------------------------------------------------------------

    def heard(self, told: Told | Gap) -> None:
        now_ms = self._now()
        match told:
            case TradeTold():
                self.time.heard(told.trade.at_ms, now_ms)
                self._trade(told)
            case CandleTold(interval="1m"):
                if told.at_ms:
                    self.time.heard(told.at_ms, now_ms)
                self._candle(told)
            case _:
                pass

    def _trade(self, told: TradeTold) -> None:
        line = self._lines.get(_identity(told))
        if line is not None and line.is_taken_up:
            self._trades += 1
            trade = told.trade
            self.publisher.tick(
                Trade(line.instrument.id, self._trades, trade.at_ms, trade.price, trade.quantity)
            )

    def _candle(self, told: CandleTold) -> None:
        line = self._lines.get(_identity(told))
        if line is None:
            return
        prices = (told.open, told.high, told.low, told.close, told.volume)
        is_final = told.closed is True
        line.minutes.heard(told.open_ms, Shape(*map(float, prices)), is_final=is_final)
        if is_final:
            self._due.set()

    # ---- following what is wanted ----------------------------------------------------------------

    async def _follow(self, group: asyncio.TaskGroup, asking: asyncio.Semaphore) -> None:
        wanted = {one.id: one for one in await self._owned()}
        for gone in self._lines.keys() - wanted.keys():
            del self._lines[gone]
        now_ms, now = self.time.now_ms(self._now()), self.clock.monotonic()
        for identity in wanted.keys() - self._lines.keys():
            # What is over by now the list tells; frames from here on are kept meanwhile.
            until_ms = (now_ms - self._patience_ms) // MINUTE_MS * MINUTE_MS
            one = wanted[identity]
            line = Line(one, LiveMinutes(until_ms, None), Rollup(one.quantity_step))
            self._lines[identity] = line
        await self.upstream.listen(group, list(wanted.values()))
        for line in self._lines.values():
            if not line.is_taken_up and not line.is_asking and line.rests_until <= now:
                line.is_asking = True
                name = f"market-take-up-{line.instrument.id}"
                group.create_task(self._asking(asking, line, self._take_up), name=name)

    async def _owned(self) -> list[Instrument]:
        shards, wanted = self.leases.owned(), await self.wanted()
        listed = await self.db.read(store.active_among, wanted, FEED)
        return [one for one in listed if shard_of(one.id) in shards]

    async def _asking(
        self,
        asking: asyncio.Semaphore,
        line: Line,
        work: Callable[[Line], Awaitable[None]],
    ) -> None:
        """The list of bars is asked by so many at once, and by each with a rest after a failure."""
        try:
            async with asking:
                await work(line)
            line.failures = 0
        except Unavailable as error:
            if not line.failures:
                logger.warning("bars_not_read", instrument=line.instrument.id, reason=str(error))
            line.failures += 1
            rest = min(LONGEST_REST_SECONDS, ASK_AGAIN_SECONDS * line.failures)
            line.rests_until = self.clock.monotonic() + rest
        finally:
            line.is_asking = False

    async def _take_up(self, line: Line) -> None:
        """The gap from the table's end to the socket's first minute comes from the list."""
        one, minutes = line.instrument, line.minutes
        resumer = Resumer(self.db, self.history, FEED)
        minutes.open_ms, minutes.close = await resumer.resume(one, line.rollup, minutes.open_ms)
        line.is_taken_up = True
        await self._mark(line, self.time.now_ms(self._now()))
        self.publisher.renew([one.id])
        self._due.set()
        logger.info("market_feeds", feed=FEED, instrument=one.id)

    # ---- closing ---------------------------------------------------------------------------------

    async def _close(self, group: asyncio.TaskGroup, asking: asyncio.Semaphore) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._due.wait()
            self._due.clear()
            try:
                await self.once(group, asking)
            except Unavailable as error:
                logger.warning("market_waits", feed=FEED, reason=str(error))
                await self.clock.sleep(ASK_AGAIN_SECONDS)

    async def once(self, group: asyncio.TaskGroup, asking: asyncio.Semaphore) -> None:
        """Say what is final, ask for what is over and is not, and tell who is behind."""
        now, mono = self.time.now_ms(self._now()), self.clock.monotonic()
        taken = [line for line in self._lines.values() if line.is_taken_up]
        closed = [each for line in taken for each in self._final(line)]
        if closed:
            self.publisher.candles(await self._commit(closed))
        for line in taken:
            idle = not line.is_asking and line.rests_until <= mono
            if idle and line.minutes.lacking(now, self._patience_ms):
                line.is_asking = True
                group.create_task(self._asking(asking, line, self._confirm))
        for line in list(self._lines.values()):
            await self._mark(line, now)

    def _final(self, line: Line) -> list[Closed]:
        """Minutes are dated by when they are said, unless that is so late that they are a gap."""
        now_ms, name = self._now(), line.instrument.id
        closed: list[Closed] = []
        for minute in line.minutes.ready():
            is_gap = now_ms - close_of("1m", minute.open_ms) > NEWS_MS
            news = msgspec.structs.replace(minute, published_ms=now_ms)
            made = line.rollup.add(name, minute if is_gap else news)
            closed += dated(made, REAL_MARKET, gap=True) if is_gap else made
        return closed

    async def _confirm(self, line: Line) -> None:
        now = self.time.now_ms(self._now())
        span = line.minutes.lacking(now, self._patience_ms)
        if span is None:
            return
        from_ms, until_ms = span[0], min(span[1], span[0] + FILL_MS)
        # With the minute that is forming: it shows how fresh the list is.
        listed = await self.history.shapes(line.instrument, "1m", from_ms, now)
        settled_ms = int(self.settings.settled_seconds * 1000)
        is_settled = now - until_ms >= settled_ms
        line.minutes.confirmed(listed, from_ms, until_ms, is_settled=is_settled)
        line.rests_until = self.clock.monotonic() + ASK_AGAIN_SECONDS / 2
        if line.minutes.unheard >= FORGOTTEN_MINUTES:
            line.minutes.unheard = 0
            await self.upstream.join_again(line.instrument)
        self._due.set()

    async def _mark(self, line: Line, now: int) -> None:
        reason = self._behind(line, now)
        if reason != line.lag:
            await self.db.write(store.put_lag, line.instrument.id, FEED, reason)
            line.lag = reason

    def _behind(self, line: Line, now: int) -> str | None:
        settings, delay_ms = self.settings, self.time.delay_ms(self._now())
        if abs(delay_ms) > settings.skew_seconds * 1000:
            return "the exchange's clock and ours differ, or its events come late"
        if not line.is_taken_up:
            return "its past is being read"
        if line.minutes.behind_ms(now) > settings.lag_seconds * 1000:
            return "its minutes are late"
        return None

    async def _commit(self, closed: Sequence[Closed]) -> Sequence[Closed]:
        return await self.db.write(store.add_fed, closed, FEED)

    @property
    def _patience_ms(self) -> int:
        return int(self.settings.confirm_seconds * 1000)

    def _now(self) -> int:
        return ms(self.clock.now())


def _identity(told: TradeTold | CandleTold) -> str:
    return f"{'fut' if told.is_futures else 'spot'}:{told.pair}"


def _keep_time(tx: Tx) -> None:
    if store.find_time(tx, FEED) != REAL_MARKET:
        store.keep_time(tx, FEED, REAL_MARKET, 0, "a real market")
