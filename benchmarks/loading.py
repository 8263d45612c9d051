"""How long a backtest waits for its candles: from an author's file and from the platform's table,
the first time and again. Beside it pandas, reading the same file each time.

    python -m benchmarks.loading [CANDLES]
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from loguru import logger

from control_plane.infra import db
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, Tx
from control_plane.jobs.models.job import CandlesWish
from control_plane.jobs.worker.chandler import Chandler
from control_plane.market import store
from control_plane.market.models.catalogue import BY_ID
from control_plane.market.store.tables import candles
from control_plane.tables import SCHEMA
from strategy_runtime.backtest.files import kept, read, write
from strategy_runtime.jobs.candles import opened
from strategy_runtime.sdk.bars import PRICES, Bars

INSTRUMENT = BY_ID["fut:B-BTC_USDT"].instrument
START_MS = 1_700_000_040_000 // 60_000 * 60_000
ROUNDS = 3
TARGET_SECONDS = 0.3


def made(count: int) -> Bars:
    rng = np.random.default_rng(20_240_501)
    close = np.round(30_000 * np.exp(np.cumsum(rng.normal(0, 0.0009, count))), 1)
    first = np.concatenate(([30_000.0], close[:-1]))
    high, low = np.maximum(first, close) + 1, np.minimum(first, close) - 1
    volume = np.round(rng.uniform(0.1, 9, count), 3)
    times = START_MS + np.arange(count, dtype=np.int64) * 60_000
    return Bars("1m", times, first, high, low, close, volume)


def keep(tx: Tx, bars: Bars) -> None:
    names = ("instrument", "resolution", "open_ms", *PRICES, "published_ms", "gap_filled")
    lists = [bars.open_ms.tolist(), *(bars.column(name).tolist() for name in PRICES)]
    rows = [(INSTRUMENT.id, "1m", *row, 0, True) for row in zip(*lists, strict=True)]
    tx.insert_tuples(candles, names, rows)


def seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def files(bars: Bars, folder: Path) -> float:
    """The slowest of those that are read again."""
    slowest = 0.0
    for name in ("minutes.csv", "minutes.csv.gz", "minutes.parquet"):
        path, cache = folder / name, folder / "cache"
        write(bars, path)
        first = seconds(lambda path=path, cache=cache: kept(path, cache), 1)  # type: ignore[misc]
        again = seconds(lambda path=path, cache=cache: kept(path, cache))  # type: ignore[misc]
        say(name, first, again)
        slowest = max(slowest, again)
    bare = seconds(lambda: pd.read_csv(folder / "minutes.csv"))
    print(f"{'pandas.read_csv':24} {bare:6.3f} s each time")
    assert read(folder / "minutes.parquet").sha256() == bars.sha256()
    return slowest


async def platform(database: Database, bars: Bars, folder: Path) -> float:
    await database.write(store.list_instruments, [INSTRUMENT], "simulated")
    await database.write(keep, bars)
    chandler = Chandler(database, RealClock(), folder / "candles", len(bars) + 1)
    until_ms = START_MS + len(bars) * 60_000
    wish = CandlesWish("stored", INSTRUMENT.id, ("1m",), START_MS, until_ms)
    times = []
    for _ in range(1 + ROUNDS):
        began = time.perf_counter()
        supply = await chandler.supply(wish)
        loaded = opened(supply.path, supply.sha256)["1m"]
        times.append(time.perf_counter() - began)
        assert len(loaded) == len(bars)
    say("the platform's table", times[0], min(times[1:]))
    return min(times[1:])


def say(name: str, first: float, again: float) -> None:
    print(f"{name:24} {first:6.3f} s the first time, {again:6.3f} s again")


def main(count: int) -> None:
    logger.remove()
    print(f"{count:,} candles, best of {ROUNDS} when repeated")
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as name:
        folder, bars = Path(name), made(count)
        slowest = files(bars, folder)
        database = db.connect(f"sqlite:///{folder / 'bench.db'}", RealClock())
        try:
            SCHEMA.create_all(database.engine)
            slowest = max(slowest, asyncio.run(platform(database, bars, folder)))
        finally:
            database.close()
    reached = "reached" if slowest <= TARGET_SECONDS else "MISSED"
    print(f"target {TARGET_SECONDS:g} s when repeated: {reached}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500_000)
