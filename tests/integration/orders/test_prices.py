"""Whoever subscribes wakes whoever keeps prices: the next poll may be seconds away."""

import asyncio
from dataclasses import replace

from control_plane.core.clock import Clock
from control_plane.core.ids import AccountId, Rng, Tenant
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.orders import worker
from control_plane.subscriptions.models import Terms
from control_plane.subscriptions.service import Subscriptions
from control_plane.tables import SCHEMA
from tests.factories import D
from tests.unit.orders.desk import DEPLOYMENT, add_row, sail


async def test_subscribing_makes_its_prices_needed_at_once(
    memory: Database, bus: Bus, real_clock: Clock, rng: Rng
) -> None:
    ship = await sail(memory, real_clock)
    table = SCHEMA.tables["subscription"]
    await memory.write(lambda tx: tx.run(table.update().values(state="cancelled")))
    desk = replace(ship.desk, bus=bus, scale=1_000.0)  # its poll is half an hour away
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(worker.loops(desk).need_prices())
        await asyncio.sleep(0.2)
        assert ship.instrument.id not in ship.quotes.needed

        account = {"id": "new", "tenant": "us1", "shard": 1, "name": "new", "created_ms": 0}
        await memory.write(add_row, "account", {**account, "venue": "paper", "state": "active"})
        terms = Terms(capital=D("1000"), capital_currency="USDT", risk=D("0.01"))
        asked = Subscriptions(memory, rng, bus)
        await asked.subscribe(Tenant("us1"), AccountId("new"), DEPLOYMENT, terms, by="ann")
        async with asyncio.timeout(5):
            while ship.instrument.id not in ship.quotes.needed:
                await asyncio.sleep(0.01)
        keeping.cancel()
