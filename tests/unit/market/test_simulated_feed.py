import asyncio
from contextlib import aclosing
from itertools import pairwise

from control_plane.core.clock import MarketTime, ms
from control_plane.market.models.catalogue import BY_ID
from control_plane.market.models.simulation import trades
from control_plane.market.models.trades import MINUTE_MS, Batch, Point
from control_plane.market.worker import SimulatedFeed
from tests.fakes.clock import FakeClock

BTC, ETH = BY_ID["spot:B-BTC_USDT"].instrument, BY_ID["spot:I-ETH_INR"].instrument


async def collected(clock: FakeClock, speed: float, seconds: float) -> list[Batch]:
    """What the feed yields in so many real seconds, its market beginning with a minute."""
    start = ms(clock.now())
    points = [Point(BTC, start, 80_000.0), Point(ETH, start, 248_000.0)]
    feed, batches = SimulatedFeed(clock, 7), list[Batch]()

    async def listen() -> None:
        async with aclosing(feed.trades(points, MarketTime(start, start, speed))) as source:
            async for batch in source:
                batches.append(batch)

    async with asyncio.TaskGroup() as group:
        listening = group.create_task(listen())
        await clock.advance(seconds)
        listening.cancel()
    return batches


async def test_the_feed_delivers_the_simulations_trades(clock: FakeClock) -> None:
    start = ms(clock.now())
    batches = await collected(clock, 60.0, 1.01)

    delivered = [one for batch in batches for one in batch.trades if one.instrument == BTC.id]
    first_minute = [one for one in delivered if one.at_ms < start + MINUTE_MS]
    assert first_minute == trades(BY_ID[BTC.id], 7, start, 80_000.0)


async def test_every_trade_comes_in_time_and_none_before_it_happened(clock: FakeClock) -> None:
    start = ms(clock.now())
    batches = await collected(clock, 60.0, 2.01)

    assert all(one.at_ms < batch.upto_ms for batch in batches for one in batch.trades)
    for before, batch in pairwise(batches):
        assert before.upto_ms < batch.upto_ms <= before.upto_ms + 60 * 51
        assert all(before.upto_ms <= one.at_ms for one in batch.trades)
    assert batches[-1].upto_ms >= start + 2 * MINUTE_MS


async def test_a_batch_ends_on_each_boundary(clock: FakeClock) -> None:
    start = ms(clock.now())
    batches = await collected(clock, 7.0, 26.0)

    ends = [batch.upto_ms for batch in batches]
    # A boundary may fall between two milliseconds of real time.
    assert min(abs(end - start - MINUTE_MS) for end in ends) <= 7
    assert min(abs(end - start - 2 * MINUTE_MS) for end in ends) <= 7


async def test_missed_minutes_are_those_that_trades_would_have_made(clock: FakeClock) -> None:
    start = ms(clock.now())
    feed, point = SimulatedFeed(clock, 7), Point(BTC, start, 80_000.0)
    whole = await feed.missed(point, start + 10 * MINUTE_MS)
    half = await feed.missed(point, start + 4 * MINUTE_MS)
    rest = await feed.missed(
        Point(BTC, start + 4 * MINUTE_MS, half[-1].close), start + 10 * MINUTE_MS
    )

    assert [*half, *rest] == whole
