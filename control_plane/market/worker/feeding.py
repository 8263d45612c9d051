"""Trades in, candles out: each boundary is one commit for all instruments, then it is said.

Starting, taking over a shard and falling behind are one path: take up each instrument where the
table ends, fill the gap to now, go on from there.
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import msgspec
from loguru import logger

from control_plane.core.clock import Clock, MarketTime, ms
from control_plane.core.ids import shard_of
from control_plane.errors import Unavailable
from control_plane.infra.db import Database, Tx
from control_plane.infra.leases import Leases
from control_plane.market import store
from control_plane.market.models.aggregation import Minutes, Rollup
from control_plane.market.models.dating import dated
from control_plane.market.models.pace import behind_seconds, settle
from control_plane.market.models.trades import MINUTE_MS, Batch, Closed, Feed, Point
from control_plane.market.worker.publisher import Publisher
from control_plane.settings import MarketSettings
from strategy_runtime.rules.instruments import Instrument

IDLE_SECONDS = 0.2
AWAY_SECONDS = 1.0
CHECK_SECONDS = 1.0
NEAR_MS = 50
LAGS_SECONDS = 1.0  # behind by this much: said
LOST_SECONDS = 5.0  # behind by this much: the gap is filled instead of lived through
LAG_LOG_SECONDS = 10.0
FILL_MS = 240 * MINUTE_MS


@dataclass
class Line:
    """One instrument that is being fed."""

    minutes: Minutes
    rollup: Rollup


@dataclass
class Feeder:
    db: Database
    clock: Clock
    leases: Leases
    settings: MarketSettings
    feed: Feed
    publisher: Publisher
    _lag_logged: float = float("-inf")
    _fed: set[str] = field(default_factory=set)

    async def run(self) -> None:
        while True:
            try:
                await self.once()
            except Unavailable as error:
                logger.warning("market_waits", reason=str(error))
                await self.clock.sleep(AWAY_SECONDS)

    async def once(self) -> None:
        """Feed what is ours until that changes, or time does, or we fall too far behind."""
        listed = await self.db.read(store.active_instruments, self.feed.name)
        # No price of ours is left for what another feed has now.
        await self.publisher.forget(self._fed - {one.id for one in listed})
        owned = self._ours(listed)
        self._fed = {one.id for one in owned}
        if not owned:
            await self.clock.sleep(IDLE_SECONDS)
            return

        time = await self.db.write(self._settle)
        lines: dict[str, Line] = {}
        points: list[Point] = []
        for instrument in owned:
            taken = await self._take_up(instrument, time)
            if taken is None:
                return  # another feed took it over meanwhile
            point, lines[instrument.id] = taken
            points.append(point)
        self.publisher.renew(lines.keys())
        logger.info("market_feeds", instruments=len(lines), speed=time.speed)

        checked, reached_ms = self.clock.monotonic(), time.at(ms(self.clock.now()))
        async with aclosing(self.feed.trades(points, time)) as batches:
            async for batch in batches:
                if self._is_lost(time, reached_ms):
                    return
                await self._digest(lines, batch)
                reached_ms = batch.upto_ms
                if self._may_look(time, reached_ms, self.clock.monotonic() - checked):
                    checked = self.clock.monotonic()
                    if await self._has_changed(time, lines):
                        return

    async def _owned(self) -> list[Instrument]:
        return self._ours(await self.db.read(store.active_instruments, self.feed.name))

    def _ours(self, listed: Sequence[Instrument]) -> list[Instrument]:
        shards = self.leases.owned()
        return [instrument for instrument in listed if shard_of(instrument.id) in shards]

    def _may_look(self, time: MarketTime, reached_ms: int, since_seconds: float) -> bool:
        """A look at the tables takes its time: not right before minutes close, if it can wait."""
        left_ms = time.real_at((reached_ms // MINUTE_MS + 1) * MINUTE_MS) - ms(self.clock.now())
        is_near = left_ms < NEAR_MS and since_seconds < 2 * CHECK_SECONDS
        return since_seconds >= CHECK_SECONDS and not is_near

    async def _has_changed(self, time: MarketTime, lines: Mapping[str, Line]) -> bool:
        owned = await self._owned()
        known = await self.db.read(store.find_time, self.feed.name)
        return {instrument.id for instrument in owned} != lines.keys() or known != time

    def _settle(self, tx: Tx) -> MarketTime:
        newest = store.newest_minute_ms(tx, self.feed.name)
        setting = settle(
            store.find_time(tx, self.feed.name),
            None if newest is None else newest + MINUTE_MS,
            ms(self.clock.now()),
            self.settings.speed,
        )
        if setting.reason is not None:
            store.keep_time(tx, self.feed.name, setting.time, self.settings.seed, setting.reason)
        return setting.time

    async def _take_up(self, instrument: Instrument, time: MarketTime) -> tuple[Point, Line] | None:
        until_ms = time.at(ms(self.clock.now())) // MINUTE_MS * MINUTE_MS
        last = await self.db.read(store.last_minute, instrument.id)
        if last is None:
            past = await self.feed.beginning(instrument, until_ms)
            await self._commit(dated(past, time, gap=False))
            last = await self.db.read(store.last_minute, instrument.id)
            if last is None:
                return None

        point = Point(instrument, last.open_ms + MINUTE_MS, last.close)
        rollup = Rollup(instrument.quantity_step)
        for whole, parts in (
            await self.db.read(store.open_parts, instrument.id, point.open_ms)
        ).items():
            rollup.resume(whole, parts)
        point = await self._fill(point, rollup, time, until_ms)
        minutes = Minutes(point.open_ms, point.close, lateness_ms=self.feed.lateness_ms)
        return point, Line(minutes, rollup)

    async def _fill(self, point: Point, rollup: Rollup, time: MarketTime, until_ms: int) -> Point:
        """Store the minutes that closed while nobody fed this instrument."""
        began_ms = point.open_ms
        while point.open_ms < until_ms:
            minutes = await self.feed.missed(point, min(until_ms, point.open_ms + FILL_MS))
            if not minutes:
                break
            closed = [one for c in minutes for one in rollup.add(point.instrument.id, c)]
            await self._commit(dated(closed, time, gap=True))
            point = Point(point.instrument, minutes[-1].open_ms + MINUTE_MS, minutes[-1].close)
        if point.open_ms > began_ms:
            count = (point.open_ms - began_ms) // MINUTE_MS
            logger.info("market_gap_filled", instrument=point.instrument.id, minutes=count)
        return point

    async def _digest(self, lines: Mapping[str, Line], batch: Batch) -> None:
        for trade in batch.trades:
            lines[trade.instrument].minutes.add(trade)
        now_ms = ms(self.clock.now())
        closed = [
            one
            for name, line in lines.items()
            for minute in line.minutes.advance(batch.upto_ms)
            for one in line.rollup.add(name, msgspec.structs.replace(minute, published_ms=now_ms))
        ]
        kept = await self._commit(closed) if closed else ()
        if kept:
            self.publisher.candles(kept)
        for trade in batch.trades:  # last: a tick can wait for a candle
            self.publisher.tick(trade)
        for day in (one for one in kept if one.resolution == "1d"):
            await self.db.write(store.forget_candles, day.instrument, day.candle.open_ms)

    async def _commit(self, closed: Sequence[Closed]) -> Sequence[Closed]:
        return await self.db.write(store.add_fed, closed, self.feed.name)

    def _is_lost(self, time: MarketTime, reached_ms: int) -> bool:
        """Whether so far behind that what follows is no news any more but a gap."""
        behind = behind_seconds(time, reached_ms, ms(self.clock.now()))
        now = self.clock.monotonic()
        if behind > LAGS_SECONDS and now - self._lag_logged > LAG_LOG_SECONDS:
            self._lag_logged = now
            logger.warning("market_lagging", seconds=round(behind, 1), speed=time.speed)
        return behind > LOST_SECONDS
