"""How soon after its boundary a closed candle is heard, with many instruments and ten thousand
trades a second: aggregation, one commit, one publication, and a subscriber of its own.

Beside it, in the same run, one bare commit and one bare round trip of the bus: what no code of ours
can be faster than.

    python -m benchmarks.closing [BOUNDARIES]
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from loguru import logger
from sqlalchemy import text

from control_plane.core.clock import MarketTime, ms
from control_plane.infra import db
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.infra.rng import SystemRng
from control_plane.market import store
from control_plane.market.models.catalogue import BY_ID
from control_plane.market.models.trades import MINUTE_MS, Batch, Closed, Point, Trade
from control_plane.market.worker import MarketWorker
from control_plane.settings import MarketSettings
from control_plane.tables import SCHEMA
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import Candle, decode_candle
from strategy_runtime.wire.resolutions import sequence

INSTRUMENTS = 100
PER_SECOND = 10_000
SPEED = 30.0  # a boundary every two seconds
BEAT_SECONDS = 0.01
TARGET_MS = 5.0
PATTERN = BY_ID["fut:B-BTC_USDT"].instrument


@dataclass(frozen=True)
class Busy:
    """Trades of all instruments in turn, evenly over time; batches end on boundaries."""

    clock: RealClock
    name: str = "simulated"
    lateness_ms: int = 0

    def instruments(self) -> Sequence[Instrument]:
        return [
            replace(PATTERN, id=f"fut:B-C{n}_USDT", pair=f"B-C{n}_USDT") for n in range(INSTRUMENTS)
        ]

    async def beginning(self, instrument: Instrument, until_ms: int) -> Sequence[Closed]:
        opens = until_ms - MINUTE_MS
        return [Closed(instrument.id, "1m", Candle(opens, 9, 9, 9, 9, 1, sequence("1m", opens)))]

    async def missed(self, point: Point, until_ms: int) -> Sequence[Candle]:
        opens = range(point.open_ms, until_ms, MINUTE_MS)
        return [Candle(at, 9, 9, 9, 9, 0, sequence("1m", at)) for at in opens]

    async def trades(
        self, points: Sequence[Point], time_: MarketTime
    ) -> AsyncGenerator[Batch, None]:
        ids = [point.instrument.id for point in points]
        upto, count = time_.at(ms(self.clock.now())), 0
        price, quantity = Decimal(9), Decimal(1)
        while True:
            now = time_.at(ms(self.clock.now()))
            boundary = (upto // MINUTE_MS + 1) * MINUTE_MS
            until = min(now, boundary)
            if until > upto:
                due = round((until - upto) / SPEED / 1000 * PER_SECOND)
                made = [
                    Trade(ids[(count + n) % len(ids)], count + n, upto, price, quantity)
                    for n in range(due)
                ]
                count, upto = count + due, until
                yield Batch(until, made)
            wait = min(BEAT_SECONDS, (boundary - upto) / SPEED / 1000)
            await self.clock.sleep(max(wait, 0.0005))


async def main(boundaries: int) -> None:
    logger.remove()
    folder, clock = Path(tempfile.mkdtemp(prefix="slipway-bench-")), RealClock()
    server = EmbeddedServer(folder, clock, SystemRng())
    await server.start()
    database = db.connect(f"sqlite:///{folder / 'bench.db'}", clock)
    SCHEMA.create_all(database.engine)
    bus = Bus(server.url, clock)
    heard: dict[int, list[float]] = {}
    try:
        await bare(database, bus)
        leases = Leases("market", "bench", "here", database, clock, Failpoints(clock))
        await leases.once()
        worker = MarketWorker(
            database, bus, clock, leases, MarketSettings(speed=SPEED), Busy(clock)
        )
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(loop())
                for loop in (bus.run, leases.run, worker.run, lambda: listen(bus, database, heard))
            ]
            while len(heard) < boundaries + 2:
                await asyncio.sleep(0.1)
            for task in tasks:
                task.cancel()
    finally:
        await bus.close()
        database.close()
        await server.stop()
    told = [late for opened in sorted(heard)[1:-1] for late in heard[opened]]
    ordered = sorted(told)
    p99 = ordered[int(0.99 * len(ordered))]
    print(
        f"{INSTRUMENTS} instruments × 11 resolutions, {PER_SECOND:,} trades/s, "
        f"{len(told):,} candles at {boundaries} boundaries"
    )
    print(f"boundary to heard: p50 {statistics.median(told):.1f} ms, p99 {p99:.1f} ms")
    print(f"target p99 {TARGET_MS:g} ms: {'reached' if p99 <= TARGET_MS else 'MISSED'}")


async def listen(bus: Bus, database: Database, heard: dict[int, list[float]]) -> None:
    async with bus.client.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.psubscribe(names.candles("*", "1m"))
        pace: MarketTime | None = None
        while True:
            message = await pubsub.get_message(timeout=1)
            now = time.time() * 1000
            if message is None:
                continue
            pace = pace or await database.read(store.find_time, "simulated")
            candle = decode_candle(message["data"])
            assert pace is not None
            due = (
                pace.anchor_real_ms
                + (candle.open_ms + MINUTE_MS - pace.anchor_market_ms) / pace.speed
            )
            heard.setdefault(candle.open_ms, []).append(now - due)


async def bare(database: Database, bus: Bus) -> None:
    commits, trips = [], []
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE bare (n INTEGER)"))
    for _ in range(50):
        began = time.perf_counter()
        await database.write(lambda tx: tx.run(text("INSERT INTO bare VALUES (1)")))
        commits.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        await bus.ping()
        trips.append((time.perf_counter() - began) * 1000)
    for name, some in (("bare commit", commits), ("bare round trip", trips)):
        print(f"{name:16} p50 {statistics.median(some):.2f} ms, p99 {sorted(some)[-1]:.2f} ms")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
