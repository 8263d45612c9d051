"""The market role over a real database and a real Redis-protocol server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from control_plane.core.clock import Clock, ms
from control_plane.core.ids import SHARDS, InstrumentId, shard_of
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.market import service, store
from control_plane.market.models import simulation
from control_plane.market.models.catalogue import BY_ID
from control_plane.market.models.choice import Choice
from control_plane.market.models.trades import MINUTE_MS
from control_plane.market.service.quotes import Quotes
from control_plane.market.worker import MarketWorker, SimulatedFeed
from control_plane.settings import MarketSettings
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import Candle, decode_candle, decode_tick
from strategy_runtime.wire.resolutions import DURATION_MS, RESOLUTIONS, Resolution
from tests.conftest import wait_until

pytestmark = [pytest.mark.db, pytest.mark.redis]

BTC, FUTURES = "spot:B-BTC_USDT", "fut:B-BTC_USDT"  # in the first and the second half of shards
LISTED = {name: BY_ID[name] for name in (BTC, FUTURES)}
SHORT_PAST: list[tuple[Resolution, int]] = [("1h", 30), ("1m", 90)]
LEASE_SCALE = 0.2
FAST = MarketSettings(speed=120, history_candles=50)


@asynccontextmanager
async def market(
    database: Database,
    bus: Bus,
    *,
    settings: MarketSettings = FAST,
    holder: str = "test",
    installation: str = "folder",
    clock: Clock | None = None,
) -> AsyncIterator[Leases]:
    """A market role that ends as a crash would: cancelled, nothing released."""
    clock = clock or RealClock()
    points = Failpoints(clock)
    leases = Leases("market", holder, installation, database, clock, points, LEASE_SCALE)
    await leases.once()
    feed = SimulatedFeed(clock, settings.seed, LISTED, SHORT_PAST)
    worker = MarketWorker(database, bus, clock, leases, settings, feed)
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(loop()) for loop in (worker.run, leases.run)]
        try:
            yield leases
        finally:
            for task in running:
                task.cancel()


async def test_a_feed_that_loses_an_instrument_leaves_nothing_of_it_behind(
    database: Database, bus: Bus
) -> None:
    async def tick(identity: str) -> object:
        return await bus.client.get(names.last_tick(identity))

    real = Choice(("coindcx", "simulated"))
    async with market(database, bus):
        await wait_until(lambda: tick(BTC))
        await database.write(store.list_instruments, [LISTED[BTC].instrument], "coindcx", real)
        await wait_until(lambda: _none(tick(BTC)))
        before = len(await stored(database, FUTURES, "1m"))
        await wait_until(lambda: _more(stored(database, FUTURES, "1m"), before + 3))
    assert await tick(BTC) is None
    for resolution in ("1m", "5m", "1h"):
        assert await stored(database, BTC, resolution) == []


async def _none(asked: Awaitable[object]) -> bool:
    return await asked is None


async def _more(asked: Awaitable[Sequence[object]], than: int) -> bool:
    return len(await asked) > than


async def stored(database: Database, instrument: str, resolution: Resolution) -> list[Candle]:
    return await database.read(service.candles, instrument, resolution, limit=10_000)


async def stream(bus: Bus, instrument: str, resolution: str) -> list[Candle]:
    entries: Any = await bus.client.xrange(names.history(instrument, resolution))
    candles = [decode_candle(fields[b"c"]) for _, fields in entries]
    assert [identity.decode() for identity, _ in entries] == [f"{c.open_ms}-0" for c in candles]
    return candles


@asynccontextmanager
async def heard(bus: Bus, channel: str) -> AsyncIterator[list[bytes]]:
    frames: list[bytes] = []
    async with bus.client.pubsub() as pubsub:
        await pubsub.subscribe(channel)

        async def listen() -> None:
            async for message in pubsub.listen():
                if message["type"] == "message":
                    frames.append(message["data"])

        async with asyncio.TaskGroup() as group:
            listening = group.create_task(listen())
            yield frames
            listening.cancel()


def plain(candles: list[Candle]) -> list[tuple[float, ...]]:
    return [(c.open_ms, c.open, c.high, c.low, c.close, c.volume) for c in candles]


async def more_minutes(database: Database, count: int) -> None:
    have = len(await stored(database, BTC, "1m"))

    async def longer() -> bool:
        return len(await stored(database, BTC, "1m")) >= have + count

    await wait_until(longer, what=f"{count} more minutes")


async def test_a_new_market_has_a_past_in_every_resolution_without_gaps(
    database: Database, bus: Bus
) -> None:
    async with market(database, bus):
        await wait_until(lambda: _has_minutes(database, 92), what="a past that goes on")

        for instrument in LISTED:
            for resolution in RESOLUTIONS:
                candles = await stored(database, instrument, resolution)
                assert {b.seq - a.seq for a, b in pairwise(candles)} <= {1}
            assert len(await stored(database, instrument, "1h")) >= 30


async def _has_minutes(database: Database, count: int) -> bool:
    stretches = [await stored(database, name, "1m") for name in LISTED]
    return all(len(stretch) >= count for stretch in stretches)


async def test_each_closed_candle_is_published_in_order_once_it_is_stored_and_in_its_stream(
    database: Database, bus: Bus
) -> None:
    await database.write(service.want, BTC, "1m", 20, "dep1", bus=bus)
    async with market(database, bus), heard(bus, names.candles(BTC, "1m")) as frames:
        await wait_until(lambda: len(frames) >= 5, what="five candles")
        said = [decode_candle(frame) for frame in frames[:5]]

        assert {b.seq - a.seq for a, b in pairwise(said)} == {1}
        assert (
            plain(said)
            == plain(
                [c for c in await stored(database, BTC, "1m") if said[0].open_ms <= c.open_ms]
            )[:5]
        )
        kept = await stream(bus, BTC, "1m")
        assert {c.open_ms for c in said} <= {c.open_ms for c in kept}


async def test_a_candle_is_published_within_moments_of_its_close(
    database: Database, bus: Bus, real_clock: Clock
) -> None:
    async with market(database, bus), heard(bus, names.candles(BTC, "1m")) as frames:
        await wait_until(lambda: len(frames) >= 4, what="four candles")
        time = await database.read(service.market_time, BTC)
        late = [
            c.published_ms - time.real_at(c.open_ms + MINUTE_MS)
            for c in map(decode_candle, frames[1:4])
        ]

        assert min(late) >= -1
        assert sorted(late)[1] < 150, late


async def test_a_wanted_history_is_on_the_bus_within_a_second_and_capped(
    database: Database, bus: Bus
) -> None:
    async with market(database, bus):
        await wait_until(lambda: _has_minutes(database, 92), what="a past")
        assert await bus.client.exists(names.history(FUTURES, "1m")) == 0
        await database.write(service.want, FUTURES, "1m", 10, "dep1", bus=bus)
        await wait_until(lambda: bus.client.exists(names.history(FUTURES, "1m")), 1.0)

        await more_minutes(database, 3)
        kept = await stream(bus, FUTURES, "1m")
        assert len(kept) == 60
        newest = await stored(database, FUTURES, "1m")
        assert plain(kept) == plain([c for c in newest if c.open_ms >= kept[0].open_ms])[:60]


async def test_a_longer_look_back_makes_the_history_longer(database: Database, bus: Bus) -> None:
    await database.write(service.want, BTC, "1m", 10, "dep1")
    async with market(database, bus):
        await wait_until(lambda: _stream_has(bus, 60), what="a short history")
        await database.write(service.want, BTC, "1m", 35, "dep2", bus=bus)
        await wait_until(lambda: _stream_has(bus, 85), 1.0, what="a longer one")


async def _stream_has(bus: Bus, count: int) -> bool:
    return bool(await bus.client.xlen(names.history(BTC, "1m")) == count)


async def test_a_history_that_nobody_wants_any_more_goes(database: Database, bus: Bus) -> None:
    await database.write(service.want, BTC, "1m", 10, "dep1")
    async with market(database, bus):
        await wait_until(lambda: bus.client.exists(names.history(BTC, "1m")))
        await database.write(service.unwant, "dep1", bus=bus)
        await wait_until(lambda: _is_gone(bus, names.history(BTC, "1m")))


async def _is_gone(bus: Bus, key: str) -> bool:
    return not await bus.client.exists(key)


async def test_a_history_left_behind_by_a_predecessor_goes(database: Database, bus: Bus) -> None:
    await database.write(service.want, BTC, "1m", 10, "dep1")
    await bus.client.xadd(names.history(FUTURES, "5m"), {"c": b"{}"})
    await bus.client.xadd(names.history(BTC, "5m") + ":part", {"c": b"{}"})
    async with market(database, bus):
        await wait_until(lambda: _is_gone(bus, names.history(FUTURES, "5m")))
        await wait_until(lambda: _is_gone(bus, names.history(BTC, "5m") + ":part"))
        await wait_until(lambda: bus.client.exists(names.history(BTC, "1m")))


async def test_after_a_flush_every_wanted_history_is_whole_again(
    database: Database, bus: Bus
) -> None:
    for resolution in ("1m", "1h"):
        await database.write(service.want, BTC, resolution, 10, "dep1")
    async with market(database, bus):
        await wait_until(lambda: bus.client.exists(names.MARKET_EPOCH), what="the first epoch")
        await bus.client.flushall()
        await wait_until(lambda: bus.client.exists(names.MARKET_EPOCH), what="the next epoch")

        assert len(await stream(bus, BTC, "1m")) == 60
        assert len(await stream(bus, BTC, "1h")) >= 30
        newest = (await stored(database, BTC, "1m"))[-1]
        await wait_until(lambda: _holds(bus, newest.open_ms), what="the newest minute")


async def _holds(bus: Bus, open_ms: int) -> bool:
    return any(candle.open_ms == open_ms for candle in await stream(bus, BTC, "1m"))


async def test_while_redis_is_away_candles_are_stored_and_said_when_it_is_back(
    database: Database, bus: Bus, redis_server: EmbeddedServer
) -> None:
    await database.write(service.want, BTC, "1m", 40, "dep1")
    async with market(database, bus):
        await wait_until(lambda: bus.client.exists(names.MARKET_EPOCH), what="the first epoch")
        await redis_server.stop()
        await more_minutes(database, 3)
        await redis_server.start()
        await wait_until(lambda: bus.client.exists(names.MARKET_EPOCH), what="the next epoch")

        missed = (await stored(database, BTC, "1m"))[-3:]
        await wait_until(lambda: _holds(bus, missed[-1].open_ms), what="what was missed")
        kept = await stream(bus, BTC, "1m")
        assert {b.seq - a.seq for a, b in pairwise(kept)} == {1}
        async with heard(bus, names.candles(BTC, "1m")) as frames:
            await wait_until(lambda: frames, what="a candle after it")


async def test_after_a_crash_the_history_is_what_an_unbroken_run_would_have_made(
    database: Database, bus: Bus
) -> None:
    async with market(database, bus):
        await wait_until(lambda: _has_minutes(database, 93), what="a few minutes")
    await asyncio.sleep(0.8)  # a market minute and a half without anybody
    async with market(database, bus, holder="successor"):
        await more_minutes(database, 3)

    for name, listing in LISTED.items():
        minutes = await stored(database, name, "1m")
        assert {b.seq - a.seq for a, b in pairwise(minutes)} == {1}
        first = minutes[60]
        unbroken, close = [first], first.close
        for candle in minutes[61:]:
            unbroken.append(simulation.candle(listing, FAST.seed, candle.open_ms, close))
            close = unbroken[-1].close
        assert plain(unbroken) == plain(minutes[60:])
        for resolution in RESOLUTIONS:
            longer = await stored(database, name, resolution)
            assert {b.seq - a.seq for a, b in pairwise(longer)} <= {1}
        assert any(candle.gap_filled for candle in minutes)


async def test_minutes_that_were_missed_are_said_after_the_restart(
    database: Database, bus: Bus
) -> None:
    await database.write(service.want, BTC, "1m", 40, "dep1")
    async with heard(bus, names.candles(BTC, "1m")) as frames:
        async with market(database, bus):
            await wait_until(lambda: len(frames) >= 2, what="two candles")
        await asyncio.sleep(1.2)
        async with market(database, bus):
            await wait_until(lambda: _gap_then_live(frames), what="the gap, then live candles")

        opens = sorted({decode_candle(frame).open_ms for frame in frames})
        assert {b - a for a, b in pairwise(opens)} == {MINUTE_MS}


def _gap_then_live(frames: list[bytes]) -> bool:
    said = [decode_candle(frame) for frame in frames]
    return any(candle.gap_filled for candle in said) and not said[-1].gap_filled


async def test_longer_candles_are_those_of_their_minutes(database: Database, bus: Bus) -> None:
    async with market(database, bus):
        await wait_until(lambda: _has_minutes(database, 100), what="ten minutes")

    minutes = {candle.open_ms: candle for candle in await stored(database, BTC, "1m")}
    checked = 0
    for candle in await stored(database, BTC, "5m"):
        span = range(candle.open_ms, candle.open_ms + DURATION_MS["5m"], MINUTE_MS)
        parts = [minutes[open_ms] for open_ms in span if open_ms in minutes]
        if len(parts) == 5:
            checked += 1
            assert (candle.open, candle.close) == (parts[0].open, parts[-1].close)
            assert candle.high == max(part.high for part in parts)
            assert candle.low == min(part.low for part in parts)
            assert candle.volume == round(sum(part.volume for part in parts), 5)
    assert checked >= 18


async def test_ticks_come_at_most_every_hundred_milliseconds_and_the_last_one_is_kept(
    database: Database, bus: Bus
) -> None:
    async with market(database, bus), heard(bus, names.ticks(BTC)) as frames:
        await wait_until(lambda: len(frames) >= 12, what="a dozen ticks")
        ticks = [decode_tick(frame) for frame in frames]

        assert all(b.published_ms - a.published_ms >= 100 for a, b in pairwise(ticks))
        assert all(b.at_ms > a.at_ms for a, b in pairwise(ticks))
        step = LISTED[BTC].instrument.tick_size
        assert all(tick.price % step == 0 for tick in ticks)
        kept = await bus.client.get(names.last_tick(BTC))
        assert isinstance(kept, bytes)
        assert decode_tick(kept).at_ms >= ticks[-1].at_ms


async def test_quotes_follow_what_is_needed_and_start_with_what_was_kept(
    database: Database, bus: Bus
) -> None:
    quotes = Quotes(bus)
    async with market(database, bus), asyncio.TaskGroup() as group:
        await wait_until(lambda: bus.client.exists(names.last_tick(BTC)), what="a first tick")
        running = group.create_task(quotes.run())
        quotes.need([InstrumentId(BTC)])
        await wait_until(lambda: quotes.last(InstrumentId(BTC)), 1.0, what="a quote")
        assert quotes.last(InstrumentId(FUTURES)) is None

        quotes.need([InstrumentId(FUTURES)])
        async with quotes.ticks() as ticks, asyncio.timeout(5):
            while (await anext(ticks))[0] != FUTURES:
                pass
        assert quotes.last(InstrumentId(FUTURES)) is not None
        assert quotes.last(InstrumentId(BTC)) is None
        running.cancel()


async def test_quotes_go_on_after_redis_was_away(
    database: Database, bus: Bus, redis_server: EmbeddedServer
) -> None:
    quotes = Quotes(bus)
    quotes.need([InstrumentId(BTC)])
    async with market(database, bus), asyncio.TaskGroup() as group:
        running = group.create_task(quotes.run())
        await wait_until(lambda: quotes.last(InstrumentId(BTC)), what="a quote")
        await redis_server.stop()
        await redis_server.start()
        before = quotes.last(InstrumentId(BTC))
        await wait_until(lambda: quotes.last(InstrumentId(BTC)) != before, what="the next quote")
        running.cancel()


async def test_prices_are_the_last_ticks_and_without_redis_the_last_closes(
    database: Database, bus: Bus, redis_server: EmbeddedServer
) -> None:
    prices = service.Market(database, bus)
    async with market(database, bus):
        await wait_until(lambda: bus.client.exists(names.last_tick(BTC)), what="a first tick")
        live = {one.instrument.id: one for one in await prices.prices()}
        assert set(live) == set(LISTED)
        assert live[BTC].price is not None
    await redis_server.stop()

    closed = {one.instrument.id: one for one in await prices.prices()}
    last = (await stored(database, BTC, "1m"))[-1]
    assert closed[BTC].price == Decimal(repr(last.close))


async def test_a_new_speed_goes_on_from_the_same_market_time(
    database: Database, bus: Bus, real_clock: Clock
) -> None:
    async with market(database, bus):
        await wait_until(lambda: _has_minutes(database, 92), what="a few minutes")
        before = await database.read(service.market_now_ms, BTC)
    slow = MarketSettings(speed=1, history_candles=50)
    async with market(database, bus, settings=slow, holder="slow"):
        await wait_until(lambda: _runs_at(database, 1.0), what="the new speed")
        after = await database.read(service.market_time, BTC)

    assert 0 <= after.at(ms(real_clock.now())) - before < 10 * 60_000


async def _goes_on(database: Database) -> bool:
    return not (await stored(database, BTC, "1m"))[-1].gap_filled


async def test_a_market_that_falls_far_behind_fills_the_gap_and_goes_on(
    database: Database, bus: Bus
) -> None:
    clock = JumpingClock()
    async with market(database, bus, clock=clock):
        await wait_until(lambda: _has_minutes(database, 90), what="the past")
        past = len(await stored(database, BTC, "1m"))
        await wait_until(lambda: _has_minutes(database, past + 2), what="minutes that it lives")
        known = len(await stored(database, BTC, "1m"))
        clock.ahead_seconds = 10  # as after a laptop's sleep: twenty market minutes
        await wait_until(lambda: _has_minutes(database, known + 20), what="the gap")
        await wait_until(lambda: _goes_on(database), what="a minute in time")

    minutes = await stored(database, BTC, "1m")
    assert {b.seq - a.seq for a, b in pairwise(minutes)} == {1}
    assert sum(candle.gap_filled for candle in minutes) >= 15


async def test_after_a_very_long_absence_the_market_goes_on_where_it_stood(
    database: Database, bus: Bus
) -> None:
    clock = JumpingClock()
    async with market(database, bus, clock=clock):
        await wait_until(lambda: _has_minutes(database, 92), what="a few minutes")
    last = (await stored(database, BTC, "1m"))[-1]
    clock.ahead_seconds = 7 * 24 * 3600
    async with market(database, bus, clock=clock):
        await more_minutes(database, 1)

    minutes = await stored(database, BTC, "1m")
    assert {b.seq - a.seq for a, b in pairwise(minutes)} == {1}
    assert minutes[-1].open_ms - last.open_ms < 60 * MINUTE_MS


async def test_another_process_takes_over_when_the_first_is_gone(
    database: Database, bus: Bus
) -> None:
    await database.write(service.want, BTC, "1m", 40, "dep1")
    async with market(database, bus, holder="first", installation="one"):
        await wait_until(lambda: _has_minutes(database, 92), what="a few minutes")
    async with market(database, bus, holder="second", installation="two") as leases:
        assert leases.owned() == frozenset()
        await wait_until(lambda: len(leases.owned()) == SHARDS, what="the first one's leases")
        await more_minutes(database, 2)
        newest = (await stored(database, BTC, "1m"))[-1]
        await wait_until(lambda: _holds(bus, newest.open_ms), what="its history")

    minutes = await stored(database, BTC, "1m")
    assert {b.seq - a.seq for a, b in pairwise(minutes)} == {1}


async def test_two_processes_share_the_instruments(database: Database, bus: Bus) -> None:
    for name in LISTED:
        await database.write(service.want, name, "1m", 40, "dep1")
    async with (
        market(database, bus, holder="first", installation="one") as first,
        market(database, bus, holder="second", installation="two") as second,
    ):
        await wait_until(
            lambda: len(first.owned()) == len(second.owned()) == SHARDS // 2, what="fair shares"
        )
        assert {shard_of(name) in first.owned() for name in LISTED} == {True, False}
        streams = [names.history(name, "1m") for name in LISTED]
        await wait_until(lambda: _are_there(bus, streams), what="both histories")
        await wait_until(lambda: _has_minutes(database, 95), what="a few minutes")

        for name in LISTED:
            minutes = await stored(database, name, "1m")
            assert {b.seq - a.seq for a, b in pairwise(minutes)} == {1}
            kept = [candle.seq for candle in await stream(bus, name, "1m")]
            assert {b - a for a, b in pairwise(kept)} == {1}


async def _are_there(bus: Bus, keys: list[str]) -> bool:
    return bool(await bus.client.exists(*keys) == len(keys))


class JumpingClock(RealClock):
    """The real clock, until it is told to be ahead of itself."""

    ahead_seconds: float = 0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_seconds)


async def _runs_at(database: Database, speed: float) -> bool:
    time = await database.read(store.find_time, "simulated")
    return time is not None and time.speed == speed
