"""How the API answers 500 mixed reads a second, with 10,000 subscriptions in the database.

    python -m benchmarks.api_load [DATABASE_URL] [READS_A_SECOND]

Two processes serve, as any number of them may, behind the second wall; the readers are 200 traders
with API tokens. Requests leave at their time whatever became of those before, so a slow
answer delays nobody and is counted in full.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
from loguru import logger
from sqlalchemy import insert

from control_plane.infra import db, events, schema, wall
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_server import HttpServer
from control_plane.infra.rng import SystemRng
from control_plane.sessions.models.tokens import digest
from control_plane.tables import SCHEMA
from tests.fakes.site import make_world
from tests.unit.api.holdings import MOMENT, row_of

SUBSCRIPTIONS, READERS, ORDERS = 10_000, 200, 20
PER_SECOND, SECONDS, PROCESSES = 500, 10, 2
TARGET_MS = 100.0
DEPLOYMENT, AUTHOR = "dpbench", "usauthor"
READS = (
    "/me", "/accounts", "/subscriptions", "/trades", "/orders", "/intents", "/events", "/fills",
    "/deployments", "/instruments",
)  # fmt: skip


def token(reader: int) -> str:
    return f"slt_reader{reader}"


def rows() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Ten thousand traders who follow one deployment, the first two hundred with a history."""
    people = [f"us{n}" for n in range(SUBSCRIPTIONS)]
    known = {"role": "trader", "must_change_password": False, "verified_ms": 1}
    yield "user", [row_of("user", id=w, email=f"{w}@b.example", **known) for w in (AUTHOR, *people)]
    yield "strategy", [row_of("strategy", id="st", tenant=AUTHOR, name="bench")]
    yield "version", [row_of("version", id="ve", tenant=AUTHOR, strategy_id="st", state="passed")]
    ship = {"tenant": AUTHOR, "strategy_id": "st", "version_id": "ve", "desired": "running"}
    yield "deployment", [row_of("deployment", id=DEPLOYMENT, name="bench", **ship)]
    paper = {"name": "practice", "venue": "paper", "state": "active"}
    yield "account", [row_of("account", id=f"ac{w}", tenant=w, **paper) for w in people]
    of = {
        "deployment_id": DEPLOYMENT,
        "state": "active",
        "risk": Decimal("0.01"),
        "sizing": "fixed_risk",
        "opposite": "skip",
        "positions": "keep",
    }
    yield (
        "subscription",
        [row_of("subscription", id=f"su{w}", tenant=w, account_id=f"ac{w}", **of) for w in people],
    )
    good = {"scopes": "read", "expires_ms": MOMENT * 10, "used_ms": None}
    yield (
        "api_token",
        [
            row_of("api_token", id=f"tk{n}", tenant=f"us{n}", hash=digest(token(n)), **good)
            for n in range(READERS)
        ],
    )
    for name in ("intent", "orders", "fill", "trade"):
        yield (
            name,
            [_of_history(name, n, number) for n in range(READERS) for number in range(ORDERS)],
        )


def _of_history(name: str, reader: int, number: int) -> dict[str, Any]:
    who, place = f"us{reader}", f"{reader}x{number}"
    ids = {"intent": "in", "orders": "or", "trade": "tr", "fill": "fi"}
    return row_of(
        name,
        id=f"{ids[name]}{place}",
        tenant=who,
        account_id=f"ac{who}",
        subscription_id=f"su{who}",
        deployment_id=DEPLOYMENT,
        signal_id=None,
        intent_id=f"in{place}",
        entry_intent_id=f"in{place}",
        order_id=f"or{place}",
        trade_id=f"tr{place}",
        exchange_fill_id=f"fi{place}",
        exchange_order_id=f"ex{place}",
        client_order_id=f"co{place}",
        gen=number,
        leg="entry",
        kind="limit",
        state="closed" if name == "trade" else "FILLED",
        instrument="spot:B-BTC_USDT",
    )


def fill(tx: Tx) -> None:
    for name, found in rows():
        for start in range(0, len(found), 1_000):
            tx.run(insert(SCHEMA.tables[name]), found[start : start + 1_000])
    told = [(f"tr{n}", f"us{n % READERS}", {"state": "closed"}) for n in range(READERS * ORDERS)]
    events.record_many(tx, "trade_closed", "trade", told)


def opened(url: str) -> Database:
    database = db.connect(url, RealClock())
    schema.upgrade(database)
    return database.behind_the_wall()


async def serve(url: str, address: Path) -> None:
    logger.remove()
    clock, rng = RealClock(), SystemRng()
    database = opened(url)
    world = await make_world(database, clock, rng)
    server = HttpServer("127.0.0.1", 0)
    address.write_text(server.address)
    await server.run(world.app)


async def measure(addresses: Sequence[str], per_second: int) -> tuple[list[float], Counter[int]]:
    took: list[float] = []
    statuses: Counter[int] = Counter()
    loop = asyncio.get_running_loop()
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200)) as session,
        asyncio.TaskGroup() as group,
    ):

        async def ask(number: int, due: float) -> None:
            path = f"{addresses[number % PROCESSES]}/api/v1{READS[number % len(READS)]}"
            headers = {"Authorization": f"Bearer {token(number % READERS)}"}
            async with session.get(path, headers=headers) as answer:
                await answer.read()
                statuses[answer.status] += 1
            took.append((loop.time() - due) * 1000)

        began = loop.time()
        for number in range(per_second * SECONDS):
            due = began + number / per_second
            await asyncio.sleep(max(0.0, due - loop.time()))
            group.create_task(ask(number, due))
    return took, statuses


async def main(url: str, folder: Path, per_second: int) -> bool:
    logger.remove()
    database = opened(url)
    files = [folder / f"address-{number}" for number in range(PROCESSES)]
    servers = []
    try:
        for file in files:  # the first one makes the first user
            words = ("-m", "benchmarks.api_load", "serve", url, str(file))
            servers.append(await asyncio.create_subprocess_exec(sys.executable, *words))
            while not file.exists() or not file.read_text():
                await asyncio.sleep(0.1)
        with wall.acting_for(wall.EVERYBODY):
            await database.write(fill)
        addresses = [file.read_text() for file in files]
        await measure(addresses, 50)  # warm
        served, asked = sum(_cpu(one.pid) for one in servers), time.process_time()
        took, statuses = await measure(addresses, per_second)
        served = sum(_cpu(one.pid) for one in servers) - served
        asked = time.process_time() - asked
    finally:
        for one in servers:
            one.kill()
            await one.wait()
    name = database.engine.dialect.name
    database.close()
    took.sort()
    p99 = took[int(len(took) * 0.99)]
    print(f"{name}: {len(took)} reads at {per_second}/s, {SUBSCRIPTIONS} subscriptions")
    print(f"  p50 {statistics.median(took):.1f} ms, p99 {p99:.1f} ms, worst {took[-1]:.0f} ms")
    each = 1000 / len(took)
    print(f"  a read costs its server {served * each:.2f} ms, and the reader {asked * each:.2f} ms")
    print(f"  statuses {dict(statuses)}; load {os.getloadavg()[0]:.1f}")
    print(f"  target: p99 {TARGET_MS:g} ms")
    return p99 <= TARGET_MS and set(statuses) == {200}


def _cpu(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(sys.argv[2], Path(sys.argv[3])))
    else:
        with tempfile.TemporaryDirectory() as made:
            default = f"sqlite:///{made}/api.db"
            given = (sys.argv[1:2] or [""])[0] or default
            rate = int(sys.argv[2]) if len(sys.argv) > 2 else PER_SECOND
            sys.exit(not asyncio.run(main(given, Path(made), rate)))
