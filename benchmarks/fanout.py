"""One signal, many live accounts: orders a second through the whole path, and how long each waits.

    python -m benchmarks.fanout [ACCOUNTS …]

The whole path is: balances, plan, release rows, signing, HTTP, parsing, recording, on SQLite with
full durability, against the simulated exchange in a process of its own with its limits off. Beside
it, in the same run, the bare client that it uses, and raw sockets with bytes made beforehand.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from loguru import logger

from benchmarks.coindcx_sim import PATIENT, Clocked, by_client, over_loopback
from control_plane.brokers.coindcx.opening import open_broker
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.ids import AccountId
from control_plane.infra import db
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Tx
from control_plane.infra.fast_net import AiohttpNet
from control_plane.settings import CoinDcxSettings
from control_plane.tables import SCHEMA
from tests.coindcx_sim.broker import KeyRing
from tests.coindcx_sim.process import served
from tests.factories import D, spot
from tests.unit.orders.desk import Slice, base_rows, subscriber_rows

SIZES = (100, 1_000, 10_000)
PRICE = "79750"
CONNECTIONS = 100
MANY = 10**6


async def measure(accounts: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        served("--no-limits", "--accounts", str(accounts), "--switch", PATIENT) as venue,
    ):
        rate = await _through_all(accounts, venue.url, Path(folder))
        port, count = int(venue.url.rsplit(":", 1)[1]), max(1_000, accounts)
        clocked = Clocked(count)
        await by_client(AiohttpNet(CONNECTIONS), port, MANY, count, accounts)
        bare = count / (time.perf_counter() - clocked.began)
        print(clocked.line("  the bare client", "signing and parsing in it"))
        clocked = Clocked(count)
        await over_loopback(port, 2 * MANY, count, accounts)
        print(clocked.line("  raw sockets, bytes made beforehand"))
        print(f"  the whole path is {rate / bare:.0%} of the bare client; target 40 %")


async def _through_all(accounts: int, url: str, folder: Path) -> float:
    clock = RealClock()
    database = db.connect(f"sqlite:///{folder / 'fanout.db'}", clock)
    SCHEMA.create_all(database.engine)
    made = Slice(database, clock, instrument=spot(order_types=("limit", "market", "stop_limit")))
    await database.write(_fill, made, accounts)
    section = CoinDcxSettings(
        api_url=url, public_url=url, per_second=MANY, per_minute=MANY, deadline_seconds=60
    )
    keys = {
        AccountId(f"ac{n}"): Credentials(f"key-{n - 1}", f"secret-{n - 1}")
        for n in range(1, accounts + 1)
    }
    opened = open_broker(KeyRing(keys), clock, section)
    made.restart(opened.broker)
    await made.desk.leases.once()
    await made.price(PRICE)
    stops = {"stop_loss": D("79000"), "take_profit": D("82000")}
    signal = await made.signal("LONG", **stops)

    began = time.perf_counter()
    await made.loops.planner.once()
    planned = time.perf_counter()
    sent = 0
    while left := await made.loops.sender.once():
        await made.desk.leases.once()
        sent += left
    took = time.perf_counter() - planned
    waits = await database.read(_waits, signal)
    await opened.close()
    database.close()

    done = [wait for wait in waits if wait is not None]
    assert len(waits) == accounts, (len(waits), accounts)
    rate = sent / took
    tenths = statistics.quantiles(done, n=100)
    print(f"{accounts:,} accounts: {rate:,.0f} orders/s, {len(done):,} accepted; target 2,000/s")
    print(f"  balances and plan {planned - began:.2f} s, all sent {took:.2f} s later")
    print(f"  signal → accepted: p50 {tenths[49]:,.0f} ms, p99 {tenths[98]:,.0f} ms")
    return rate


def _fill(tx: Tx, made: Slice, accounts: int) -> None:
    base_rows(tx, made.instrument)
    patient: dict[str, Any] = {"max_age_seconds": 3_600, "software_stop": True}
    for number in range(1, accounts + 1):
        subscriber_rows(tx, made.instrument, number, patient)


def _waits(tx: Tx, signal: str) -> list[int | None]:
    """From the signal's commit to the reply of each order."""
    tables = SCHEMA.tables
    at = tx.scalar(tables["signal"].select().with_only_columns(tables["signal"].c.accepted_ms))
    rows = tx.all(tables["orders"].select())
    return [None if row.acknowledged_ms is None else row.acknowledged_ms - at for row in rows]


def main() -> None:
    logger.remove()
    for accounts in [int(text) for text in sys.argv[1:]] or SIZES:
        asyncio.run(measure(accounts))


if __name__ == "__main__":
    main()
