"""Many live accounts before the simulated exchange: what the benchmarks of sending share.

The real loops of the trading role on SQLite with full durability; the exchange is a process of its
own, with its limits off.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.coindcx_sim import PATIENT
from control_plane.brokers.coindcx.opening import OpenBroker, open_broker
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.ids import AccountId
from control_plane.infra import collector, db
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Tx
from control_plane.settings import CoinDcxSettings
from control_plane.tables import SCHEMA
from tests.coindcx_sim.broker import KeyRing
from tests.coindcx_sim.process import Served, served
from tests.factories import D, spot
from tests.unit.orders.desk import Slice, base_rows, subscriber_rows

PRICE = "79750"
MANY = 10**6
LOOK_SECONDS = 0.01
UNSENT = ("READY", "SENDING")


@dataclass(frozen=True)
class Offing:
    """A deployment, its subscribers, and their accounts at the exchange."""

    venue: Served
    made: Slice
    opened: OpenBroker
    accounts: int

    @property
    def port(self) -> int:
        return int(self.venue.url.rsplit(":", 1)[1])

    async def plan(self) -> tuple[str, float]:
        """A signal of the strategy, and how long it took to plan it."""
        await self.made.price(PRICE)
        stops = {"stop_loss": D("79000"), "take_profit": D("82000")}
        signal = await self.made.signal("LONG", **stops)
        began = time.perf_counter()
        await self.made.loops.planner.once()
        return signal, time.perf_counter() - began

    @contextmanager
    def sending(self) -> Any:
        """The loops of the trading role that send, as it runs them."""
        loops = {"send": self.made.loops.send, "leases": self.made.desk.leases.run}
        tasks = [asyncio.create_task(run(), name=name) for name, run in loops.items()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    async def all_gone(self) -> None:
        """Until nothing is ready or on its way: asked of the database only where it may be so."""
        is_over = False
        while not is_over:
            await asyncio.sleep(LOOK_SECONDS)
            is_over = not self.made.desk.in_flight and not await self.made.db.read(_unsent)

    async def forget(self) -> None:
        """What was sent, as if it had been long ago."""
        await self.made.db.write(_forget)


@asynccontextmanager
async def offing(accounts: int) -> AsyncIterator[Offing]:
    with (
        tempfile.TemporaryDirectory() as folder,
        served("--no-limits", "--accounts", str(accounts), "--switch", PATIENT) as venue,
    ):
        clock = RealClock()
        database = db.connect(f"sqlite:///{Path(folder) / 'fanout.db'}", clock)
        SCHEMA.create_all(database.engine)
        kinds = ("limit", "market", "stop_limit")
        made = Slice(database, clock, instrument=spot(order_types=kinds))
        await database.write(_fill, made, accounts)
        opened = _opened(venue.url, clock, accounts)
        made.restart(opened.broker)
        made.desk.bus._loop = asyncio.get_running_loop()  # hints reach our own loops
        await made.desk.leases.once()
        collector.settle()
        yield Offing(venue, made, opened, accounts)
        await opened.close()
        database.close()


def _opened(url: str, clock: RealClock, accounts: int) -> OpenBroker:
    section = CoinDcxSettings(
        api_url=url, public_url=url, per_second=MANY, per_minute=MANY, deadline_seconds=60
    )
    keys = {
        AccountId(f"ac{n}"): Credentials(f"key-{n - 1}", f"secret-{n - 1}")
        for n in range(1, accounts + 1)
    }
    return open_broker(KeyRing(keys), clock, section)


def _fill(tx: Tx, made: Slice, accounts: int) -> None:
    base_rows(tx, made.instrument)
    terms: dict[str, Any] = {
        "capital": D("100"),
        "max_age_seconds": 3_600,
        "software_stop": True,
    }
    for number in range(1, accounts + 1):
        subscriber_rows(tx, made.instrument, number, terms)


def _unsent(tx: Tx) -> int:
    intents = SCHEMA.tables["intent"]
    return int(tx.scalar(select(func.count()).where(intents.c.state.in_(UNSENT))))


def _forget(tx: Tx) -> None:
    for name in ("orders", "intent", "plan", "skip", "event"):
        tx.run(SCHEMA.tables[name].delete())
