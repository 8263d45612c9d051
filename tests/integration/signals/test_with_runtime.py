"""A real strategy's process against the real intake, through crashes of either side of it."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy import select, update

from control_plane.deployments.store.tables import deployments
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.embedded import EmbeddedServer
from control_plane.market.store import market_times
from control_plane.signals.store import tables
from strategy_runtime.wire.messages import Candle
from tests.conftest import wait_until
from tests.fakes import launches
from tests.fakes.launches import MINUTE
from tests.integration.runtime.harbour import DEPLOYMENT, INSTRUMENT, Harbour
from tests.integration.signals.conftest import Start

pytestmark = [pytest.mark.redis, pytest.mark.db]

OPEN = 29_000_000 * MINUTE


@pytest.fixture
async def ship(
    bus: Bus, redis_server: EmbeddedServer, database: Database
) -> AsyncIterator[Harbour]:
    """Launched as the fleet would, with nobody but an intake to answer it."""
    harbour = Harbour(redis_server, bus.client)
    await harbour.furnish()

    def write(tx: Tx) -> None:
        launches.market_at(tx, OPEN)
        launches.deployed(tx, DEPLOYMENT, instrument=INSTRUMENT)
        launches.launched(tx, DEPLOYMENT, boot=harbour.payload())

    await database.write(write)
    await harbour.launch()
    yield harbour
    await harbour.close()


def _candle(k: int) -> Candle:
    price = 99.0 + k % 3
    opened = OPEN + k * MINUTE
    return Candle(opened, price, price + 1, price - 1, price, 1.0, opened // MINUTE, 1)


async def _decided(database: Database, number: int) -> None:
    async def all_there() -> bool:
        return len(await database.read(_executions)) == number

    await wait_until(all_there, seconds=20, what=f"{number} decisions")


def _executions(tx: Tx) -> list[str]:
    query = select(tables.executions.c.trigger).order_by(tables.executions.c.trigger_open_ms)
    return [row.trigger for row in tx.all(query)]


def _differing(tx: Tx) -> int:
    return len(tx.all(select(tables.repeats).where(tables.repeats.c.same.is_(False))))


async def _is_active(database: Database) -> bool:
    row = await database.read(lambda tx: tx.first(select(deployments)))
    return row is not None and row.active_generation == 1


async def test_a_strategy_decides_each_candle_once_whatever_breaks(
    bus: Bus,
    database: Database,
    trading: Start,
    ship: Harbour,
    redis_server: EmbeddedServer,
) -> None:
    async with trading(failpoints="signal.before_ack=raise@5"):
        await wait_until(lambda: _is_active(database), seconds=20)
        await database.write(
            lambda tx: tx.run(update(market_times).values(anchor_market_ms=OPEN + 10**10))
        )
        for k in range(10):  # the intake dies among these, after a commit, before its answer
            await ship.close_candle(_candle(k))
            await bus.clock.sleep(0.05)

    for k in range(10, 15):  # nobody listens
        await ship.close_candle(_candle(k))

    async with trading():
        await _decided(database, 15)
        await redis_server.stop()
        await redis_server.start()
        await ship.furnish()
        for k in range(18):  # the streams are rebuilt, with what closed meanwhile
            await ship.close_candle(_candle(k), publish=False)
        await ship.close_candle(_candle(18))
        await _decided(database, 19)

    assert await database.read(_executions) == [f"1m:{OPEN + k * MINUTE}" for k in range(19)]
    assert await database.read(_differing) == 0
    row = await database.read(lambda tx: tx.first(select(deployments)))
    assert row is not None
    assert msgspec.json.decode(row.state) == {"n": 19}
    signals = await database.read(lambda tx: tx.all(select(tables.signals)))
    assert len(signals) == len({(s.trigger, s.kind) for s in signals}) > 10
