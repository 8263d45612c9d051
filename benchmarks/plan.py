"""How long one signal takes to become 10,000 committed intents with their events.

    python -m benchmarks.plan [SUBSCRIBERS] [DATABASE_URL]

From the read of the accepted signal to the commit, on the real planner; beside it the same number
of rows of the same width inserted by the bare driver, which is what the database alone costs.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from loguru import logger
from sqlalchemy import select

from control_plane.infra import collector, db
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Tx
from control_plane.tables import SCHEMA
from tests.factories import D
from tests.unit.orders.desk import Slice, base_rows, subscriber_rows

ROUNDS = 5
TARGET_MS = {"sqlite": 300, "postgresql": 500}


async def main(subscribers: int, url: str) -> None:
    logger.remove()
    clock = RealClock()
    database = db.connect(url, clock)
    SCHEMA.drop_all(database.engine)
    SCHEMA.create_all(database.engine)
    made = Slice(database, clock)
    await database.write(_fill, made, subscribers)
    await made.desk.leases.once()
    collector.settle()  # as a process of ours does

    rounds: list[float] = []
    busy: list[float] = []
    for _ in range(ROUNDS):
        await made.desk.leases.once()
        await made.price("50000")
        await made.signal("LONG")
        began, cpu = time.perf_counter(), time.process_time()
        await made.loops.planner.once()
        rounds.append((time.perf_counter() - began) * 1000)
        busy.append((time.process_time() - cpu) * 1000)
        await database.write(_forget, subscribers)
    bare = [await database.write(_bare, subscribers) for _ in range(ROUNDS)]

    name = database.engine.dialect.name
    print(f"{name}: {subscribers} intents with events in {statistics.median(rounds):.0f} ms")
    print(f"  of which this process computed for {statistics.median(busy):.0f} ms")
    print(f"  best {min(rounds):.0f} ms, worst {max(rounds):.0f} ms; target {TARGET_MS[name]} ms")
    print(f"  the bare driver inserts as many rows in {statistics.median(bare):.0f} ms")
    database.close()


def _fill(tx: Tx, made: Slice, subscribers: int) -> None:
    base_rows(tx, made.instrument)
    for number in range(1, subscribers + 1):
        capital = D("1000") + number
        subscriber_rows(tx, made.instrument, number, {"capital": capital})


def _forget(tx: Tx, subscribers: int) -> None:
    """Back to the start, and proof that the round did what it says."""
    intents = SCHEMA.tables["intent"]
    found = tx.all(select(intents.c.id))
    why = {row.reason for row in tx.all(select(SCHEMA.tables["skip"].c.reason))}
    assert len(found) == subscribers, (len(found), why)
    for name in ("intent", "event", "plan", "skip"):
        tx.run(SCHEMA.tables[name].delete())


def _bare(tx: Tx, subscribers: int) -> float:
    """The driver's own batch insert of rows as wide as an intent."""
    cursor: Any = tx.connection.connection.cursor()
    cursor.execute(
        "CREATE TEMPORARY TABLE bare (" + ", ".join(f"c{n} text" for n in range(40)) + ")"
    )
    mark = "%s" if tx.is_postgres else "?"
    statement = f"INSERT INTO bare VALUES ({', '.join([mark] * 40)})"
    rows = [tuple(f"value {n} {k}" for k in range(40)) for n in range(subscribers)]
    began = time.perf_counter()
    cursor.executemany(statement, rows)
    took = (time.perf_counter() - began) * 1000
    cursor.execute("DROP TABLE bare")
    return took


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        where = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{Path(folder) / 'plan.db'}"
        asyncio.run(main(count, where))
