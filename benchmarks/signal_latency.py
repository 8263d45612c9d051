"""How long a decision takes from its candle's publication to its commit, with one real process.

    python -m benchmarks.signal_latency [CANDLES]

Candles are published as the market role does it (XADD, then PUBLISH), a strategy's process decides
on each, and an intake commits. The process paces itself as it does in a container, so a candle
comes every 60 ms. Between two candles, for comparison: a round trip to Redis, and one row committed
by the driver alone. With SLIPWAY_TEST_DATABASE_URL the database is PostgreSQL, else SQLite.
"""

import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from loguru import logger
from sqlalchemy import create_engine, text, update
from sqlalchemy.engine import make_url

from control_plane.core.ids import DeploymentId
from control_plane.deployments.store.tables import deployments, generations
from control_plane.infra import db
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, Tx
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.infra.rng import SystemRng
from control_plane.market.store import market_times
from control_plane.signals.models.settling import Arrival, Settled
from control_plane.signals.service.recording import Recorder
from control_plane.signals.worker import Intake
from control_plane.tables import SCHEMA
from strategy_runtime import wire
from strategy_runtime.wire import messages, names
from tests.fakes import launches

SHIP = DeploymentId("dpbench")
MINUTE = 60_000
OPEN = 29_000_000 * MINUTE
EVERY_SECONDS = 0.06
WARM = 50
TARGETS_MS = (3.0, 15.0)

STRATEGY = """
from strategy_runtime import BaseStrategy

class Crossing(BaseStrategy):
    def on_start(self):
        self.fast, self.slow = self.sma(5), self.sma(20)

    def on_candle(self, candle):
        self.state["n"] = self.state.get("n", 0) + 1
        if self.fast.crossed_above(self.slow):
            return self.long(stop_loss=candle.close * 0.98)
        if self.fast.crossed_below(self.slow):
            return self.exit_long()
"""


COMMITTED: dict[str, float] = {}  # when, by trigger


class TimedRecorder(Recorder):
    async def commit(self, arrivals: Sequence[Arrival]) -> list[Settled]:
        settled = await super().commit(arrivals)
        now = time.perf_counter()
        for one in settled:
            COMMITTED.setdefault(one.arrival.execution.trigger, now)
        return settled


@dataclass
class Bench:
    server: EmbeddedServer
    bus: Bus
    database: Database
    commit_raw: Callable[[int], None]
    published: dict[str, float] = field(default_factory=dict)
    trips: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)

    async def run(self, candles: int) -> list[float]:
        clock, rng = RealClock(), SystemRng()
        leases = Leases("trading", "bench", "", self.database, clock, Failpoints(clock))
        await leases.once()
        await self.database.write(self._launch)
        boot = self._boot()
        await self.bus.client.set(names.boot(SHIP, 1), boot)
        intake = Intake(self.database, self.bus, clock, rng, leases, Failpoints(clock))
        intake._recorder = TimedRecorder(self.database, self.bus, rng, leases)
        process = await self._process(boot)
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(intake.run())
                renewing = group.create_task(leases.run())
                await self._until_live()
                for k in range(candles + WARM):
                    await self._publish(k)
                    await self._compare(k)
                await asyncio.sleep(1.0)
                running.cancel()
                renewing.cancel()
        finally:
            process.terminate()
            await process.wait()
        return [
            (COMMITTED[trigger] - at) * 1000
            for trigger, at in list(self.published.items())[WARM:]
            if trigger in COMMITTED
        ]

    def _boot(self) -> bytes:
        digest = sha256(STRATEGY.encode()).hexdigest()
        return messages.encode(
            messages.Boot(SHIP, 1, STRATEGY, digest, launches.INSTRUMENT, "1m", lookback=50)
        )

    def _launch(self, tx: Tx) -> None:
        launches.market_at(tx, OPEN)
        launches.deployed(tx, SHIP)
        launches.launched(tx, SHIP)
        tx.run(update(generations).values(boot=self._boot().decode()))

    async def _process(self, boot: bytes) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "strategy_runtime.main",
            cwd=Path(__file__).parents[1],
            env={
                wire.ENV_BUS_URL: self.server.url,
                wire.ENV_DEPLOYMENT: SHIP,
                wire.ENV_GENERATION: "1",
                wire.ENV_BOOT_SHA256: sha256(boot).hexdigest(),
            },
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def _until_live(self) -> None:
        """Welcomed at the forming candle; then the market's clock is set past the last one."""

        def active(tx: Tx) -> bool:
            row = tx.first(deployments.select())
            return row is not None and row.active_generation == 1

        async with asyncio.timeout(20):
            while not await self.database.read(active):
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        await self.database.write(
            lambda tx: tx.run(update(market_times).values(anchor_market_ms=OPEN + 10**10))
        )

    async def _publish(self, k: int) -> None:
        opened = OPEN + k * MINUTE
        price = 100.0 + (k * 7 % 40) / 10 * (1 if k // 40 % 2 else -1)
        candle = messages.Candle(
            opened,
            price,
            price + 1,
            price - 1,
            price,
            1.0,
            opened // MINUTE,
            int(time.time() * 1e3),
        )
        frame = messages.encode(candle)
        await self.bus.client.xadd(
            names.history(launches.INSTRUMENT, "1m"), {"c": frame}, id=f"{opened}-0"
        )
        self.published[f"1m:{opened}"] = time.perf_counter()
        await self.bus.client.publish(names.candles(launches.INSTRUMENT, "1m"), frame)
        await asyncio.sleep(EVERY_SECONDS / 2)

    async def _compare(self, k: int) -> None:
        began = time.perf_counter()
        await self.bus.client.ping()
        self.trips.append((time.perf_counter() - began) * 1000)
        self.commits.append(await asyncio.to_thread(_timed, self.commit_raw, k))
        await asyncio.sleep(EVERY_SECONDS / 2)


@contextmanager
def raw_commits(url: str, folder: Path) -> Iterator[Callable[[int], None]]:
    """One small row a transaction, by the driver alone."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(
            folder / "raw.db", isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE t (a TEXT, b INTEGER)")

        def commit(k: int) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO t VALUES (?, ?)", ("x" * 200, k))
            connection.execute("COMMIT")

        yield commit
        connection.close()
        return

    import psycopg

    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as opened:
        opened.execute("CREATE TABLE bench_raw (a TEXT, b INTEGER)")
        opened.commit()

        def insert_one(k: int) -> None:
            opened.execute("INSERT INTO bench_raw VALUES (%s, %s)", ("x" * 200, k))
            opened.commit()

        yield insert_one


def _timed(work: Callable[[int], None], k: int) -> float:
    began = time.perf_counter()
    work(k)
    return (time.perf_counter() - began) * 1000


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@asynccontextmanager
async def _machinery(folder: Path, url: str) -> AsyncIterator[Bench]:
    server = EmbeddedServer(folder / "data", RealClock(), SystemRng())
    (folder / "data").mkdir()
    bus = Bus(await server.start(), RealClock())
    database = db.connect(url, RealClock())
    SCHEMA.create_all(database.engine)
    try:
        async with asyncio.TaskGroup() as group:
            hints = group.create_task(bus.run())
            with raw_commits(url, folder) as commit:
                yield Bench(server, bus, database, commit)
            hints.cancel()
    finally:
        database.close()
        await bus.close()
        await server.stop()


async def main(candles: int) -> None:
    logger.disable("control_plane")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = os.environ.get("SLIPWAY_TEST_DATABASE_URL")
        with _fresh(asked) if asked else nullcontext(f"sqlite:///{folder / 'bench.db'}") as url:
            async with _machinery(folder, url) as bench:
                found = await bench.run(candles)
    _report(url.partition(":")[0], candles, found, bench.trips, bench.commits)


@contextmanager
def _fresh(server: str) -> Iterator[str]:
    """A database of its own on this server."""
    name = f"slipway_bench_{os.getpid()}"
    admin = create_engine(
        make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _report(
    kind: str, candles: int, found: list[float], trips: list[float], commits: list[float]
) -> None:
    load = os.getloadavg()[0]
    print(f"candle published → execution committed: {len(found)} of {candles} candles, {kind}")
    print(f"  load average {load:.1f} on {os.cpu_count()} processors")
    baseline = percentile(trips, 0.5) + percentile(commits, 0.5)
    rows = {
        "Redis round trip (redis-py)": trips,
        "one row committed, driver alone": commits,
        "published → committed": found,
    }
    for what, values in rows.items():
        p50, p99 = percentile(values, 0.5), percentile(values, 0.99)
        print(f"  {what:<34} p50 {p50:7.2f} ms   p99 {p99:7.2f} ms   most {max(values):7.2f} ms")
    p50, p99 = percentile(found, 0.5), percentile(found, 0.99)
    print(f"  ratio to round trip + commit: {p50 / baseline:.1f} at p50")
    for what, value, target in (("p50", p50, TARGETS_MS[0]), ("p99", p99, TARGETS_MS[1])):
        verdict = "reached" if value <= target else "MISSED"
        print(f"  target {what} ≤ {target:g} ms: {value:.2f} ms, {verdict}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
