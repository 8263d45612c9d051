"""How soon after its boundary a closed candle is heard, with many instruments and ten thousand
trades a second: aggregation, one commit, one publication, and a subscriber in a process of its own,
as strategies are.

Beside it, in the same run, what the driver alone takes to commit as many rows, and the bus to hand
on as many frames: what no code of ours can be faster than.

    python -m benchmarks.closing [BOUNDARIES]
"""

import asyncio
import gc
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import hiredis
from loguru import logger
from redis import Redis

from control_plane.core.clock import MarketTime
from control_plane.infra import db
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
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
from strategy_runtime.wire.messages import Candle, decode_candle, encode
from strategy_runtime.wire.resolutions import sequence

INSTRUMENTS = 100
PER_SECOND = 10_000
SPEED = 30.0  # a boundary every two seconds
BEAT_SECONDS = 0.01
TARGET_MS = 5.0
STOP = "bench:stop"
ROUNDS = 50
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

    def market_ms(self, time_: MarketTime) -> int:
        """To less than a millisecond of ours, of which the market has thirty."""
        past = self.clock.now().timestamp() * 1000 - time_.anchor_real_ms
        return time_.anchor_market_ms + int(past * time_.speed)

    async def missed(self, point: Point, until_ms: int) -> Sequence[Candle]:
        opens = range(point.open_ms, until_ms, MINUTE_MS)
        return [Candle(at, 9, 9, 9, 9, 0, sequence("1m", at)) for at in opens]

    async def trades(
        self, points: Sequence[Point], time_: MarketTime
    ) -> AsyncGenerator[Batch, None]:
        ids = [point.instrument.id for point in points]
        upto, count = self.market_ms(time_), 0
        price, quantity = Decimal(9), Decimal(1)
        while True:
            now = self.market_ms(time_)
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
    listener = [sys.executable, "-m", "benchmarks.closing", "--listen", server.url]
    try:
        floor = bare(folder / "bare.db", server.url)
        leases = Leases("market", "bench", "here", database, clock, Failpoints(clock))
        await leases.once()
        worker = MarketWorker(
            database, bus, clock, leases, MarketSettings(speed=SPEED), Busy(clock)
        )
        with subprocess.Popen(listener, stdout=subprocess.PIPE, text=True) as heard:
            gc.freeze()  # as the product does when it is up
            async with asyncio.TaskGroup() as group:
                loops = (bus.run, leases.run, worker.run)
                tasks = [group.create_task(loop()) for loop in loops]
                await clock.sleep((boundaries + 2.5) * MINUTE_MS / SPEED / 1000)
                for task in tasks:
                    task.cancel()
            pace = await database.read(store.find_time, "simulated")
            await bus.client.publish(STOP, "")
            told, _ = heard.communicate()
        assert pace is not None
    finally:
        await bus.close()
        database.close()
        await server.stop()
    report(lateness(json.loads(told), pace), floor)


def lateness(told: Sequence[tuple[int, float]], pace: MarketTime) -> list[list[float]]:
    """Of each boundary but the first and the last: how late each of its candles was heard."""
    found: dict[int, list[float]] = {}
    for open_ms, at_ms in told:
        past = (open_ms + MINUTE_MS - pace.anchor_market_ms) / pace.speed
        found.setdefault(open_ms, []).append(at_ms - pace.anchor_real_ms - past)
    return [found[opened] for opened in sorted(found)[1:-1]]


def report(late: Sequence[Sequence[float]], floor: float) -> None:
    told = sorted(each for boundary in late for each in boundary)
    p50, p99 = statistics.median(told), told[int(0.99 * len(told))]
    print(
        f"{INSTRUMENTS} instruments × 11 resolutions, {PER_SECOND:,} trades/s, "
        f"{len(told):,} candles at {len(late)} boundaries"
    )
    print(f"boundary to heard: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {p50 / floor:.1f} × bare")
    worst = sorted(max(boundary) for boundary in late)
    print(
        f"last candle of a boundary: median {statistics.median(worst):.1f}, worst {worst[-1]:.1f}"
    )
    print(f"target p99 {TARGET_MS:g} ms: {'reached' if p99 <= TARGET_MS else 'MISSED'}")


def listen(url: str) -> None:
    """When each frame's bytes arrived; all of it told at the end."""
    connection: Any = Redis.from_url(url).connection_pool.get_connection()
    connection.send_command("PSUBSCRIBE", names.candles("*", "1m"), STOP)
    reader, found = hiredis.Reader(), list[tuple[int, float]]()
    while True:
        reader.feed(connection._sock.recv(1 << 20))
        now = time.time() * 1000
        while (frame := reader.gets()) is not False:
            if frame[0] == b"pmessage" and frame[2] == STOP.encode():
                print(json.dumps(found))
                return
            if frame[0] == b"pmessage":
                found.append((decode_candle(frame[3]).open_ms, now))


def bare(path: Path, url: str) -> float:
    """The drivers alone: one commit of as many rows, one write of as many publications."""
    commits, sent = list[float](), list[float]()
    connection: Any = Redis.from_url(url).connection_pool.get_connection()
    frame = encode(Candle(0, 9, 9, 9, 9, 1, 0))
    frames = [("PUBLISH", f"bare:{n}", frame) for n in range(INSTRUMENTS)]
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("PRAGMA synchronous=FULL")
        file.execute(
            "CREATE TABLE bare (name TEXT, at INTEGER, o, h, l, c, v, PRIMARY KEY (name, at))"
        )
        for n in range(ROUNDS):
            rows = [(name, n, 9.0, 9.0, 9.0, 9.0, 1.0) for _, name, _ in frames]
            began = time.perf_counter()
            file.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            file.commit()
            commits.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            connection.send_packed_command(connection.pack_commands(frames))
            for _ in frames:
                connection.read_response()
            sent.append((time.perf_counter() - began) * 1000)
    for name, some in (("bare commit", commits), ("bare publication", sent)):
        print(f"{name:16} p50 {statistics.median(some):.2f} ms, p99 {sorted(some)[-1]:.2f} ms")
    return statistics.median(commits) + statistics.median(sent)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--listen"]:
        listen(sys.argv[2])
    else:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
