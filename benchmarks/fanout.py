"""One signal, many live accounts: orders a second through the whole path, and how long each waits.

    python -m benchmarks.fanout [ACCOUNTS …] [--memory]

The whole path is: balances, plan, release rows, signing, HTTP, parsing, recording, on SQLite with
full durability, against the simulated exchange in a process of its own with its limits off, after
one round that is not counted. Beside it, in the same run, the bare client that it uses, the same
client over httpx, and raw sockets with bytes made beforehand. `--memory` sends 100,000 orders and
says what this process holds meanwhile.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Awaitable

from loguru import logger
from sqlalchemy import select

from benchmarks.coindcx_sim import Clocked, by_client, over_loopback
from benchmarks.offing import MANY, Offing, offing
from control_plane.infra.db import Tx
from control_plane.infra.fast_net import AiohttpNet
from control_plane.infra.net import HttpxNet
from control_plane.tables import SCHEMA

SIZES = (100, 1_000, 10_000)
CONNECTIONS = 100
LEAST_BESIDE = 1_000  # orders of each bare client
SLOWER = 8  # httpx is: so many fewer
TARGET, SHARE = 2_000, 0.4
ROUNDS, A_ROUND = 10, 10_000


async def measure(accounts: int) -> None:
    async with offing(accounts) as sea:
        await _warm_up(sea)
        signal, planned = await sea.plan()
        used, began = time.process_time(), time.perf_counter()
        with sea.sending():
            await sea.all_gone()
        took, used = time.perf_counter() - began, time.process_time() - used
        waits = [wait for wait in await sea.made.db.read(_waits, signal) if wait is not None]
        assert len(waits) == accounts, (len(waits), accounts)
        rate = accounts / took
        parts = statistics.quantiles(waits, n=100)
        print(f"{accounts:,} accounts: {rate:,.0f} orders/s; target {TARGET:,}/s")
        print(f"  {used / accounts * 1e6:,.0f} µs of our core for each")
        print(f"  balances and plan {planned:.2f} s, all sent {took:.2f} s later")
        print(f"  signal → accepted: p50 {parts[49]:,.0f} ms, p99 {parts[98]:,.0f} ms")
        await _beside(sea, rate)


async def _warm_up(sea: Offing) -> None:
    """A trading process runs for long: its statements are compiled, its connections open."""
    await sea.plan()
    with sea.sending():
        await sea.all_gone()
    await sea.forget()


async def _beside(sea: Offing, rate: float) -> None:
    """The same orders by less and less of us."""
    count, accounts, port = max(LEAST_BESIDE, sea.accounts), sea.accounts, sea.port
    few = count // SLOWER
    bare = by_client(AiohttpNet(CONNECTIONS), port, MANY, count, accounts)
    share = rate / await _rate("the bare client, which signs and parses", count, bare)
    httpx = by_client(HttpxNet(), port, 2 * MANY, few, accounts)
    times = rate / await _rate("the same over httpx", few, httpx)
    raw = over_loopback(port, 3 * MANY, count, accounts)
    ceiling = rate / await _rate("raw sockets, bytes made beforehand", count, raw)
    print(f"  the whole path is {share:.0%} of the bare client; target {SHARE:.0%}")
    print(f"  {times:.1f} times httpx, and {ceiling:.0%} of raw sockets")


async def _rate(what: str, count: int, work: Awaitable[None]) -> float:
    clocked = Clocked(count)
    await work
    print(f"  {clocked.line(what)}")
    return count / (time.perf_counter() - clocked.began)


async def measure_memory() -> None:
    async with offing(A_ROUND) as sea:
        print(f"{ROUNDS * A_ROUND:,} orders in {A_ROUND:,} accounts")
        for number in range(1, ROUNDS + 1):
            await sea.plan()
            began = time.perf_counter()
            with sea.sending():
                await sea.all_gone()
            rate = A_ROUND / (time.perf_counter() - began)
            print(f"  after {number * A_ROUND:>7,}: {_held_mb():,.0f} MB, {rate:,.0f} orders/s")
            await sea.forget()


def _held_mb() -> float:
    with open("/proc/self/statm") as found:
        return int(found.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _waits(tx: Tx, signal: str) -> list[int | None]:
    """From the signal's commit to the reply of each order."""
    tables = SCHEMA.tables
    signals = tables["signal"]
    at = tx.scalar(select(signals.c.accepted_ms).where(signals.c.id == signal))
    rows = tx.all(tables["orders"].select())
    return [None if row.acknowledged_ms is None else row.acknowledged_ms - at for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("accounts", type=int, nargs="*", default=SIZES)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    logger.remove()
    if options.memory:
        asyncio.run(measure_memory())
        return
    for accounts in options.accounts:
        asyncio.run(measure(accounts))


if __name__ == "__main__":
    main()
