"""Hostile frames all the way into the tables of both databases."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from control_plane.core.ids import DeploymentId, Shard
from control_plane.deployments.service import Launch
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, Tx
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.infra.rng import SystemRng
from control_plane.market.store import market_times
from control_plane.signals.service.recording import Recorder
from control_plane.signals.service.rows import Notes
from control_plane.signals.store import tables
from control_plane.signals.worker.hearing import Channel, Inlet
from strategy_runtime.wire import messages
from tests.fakes import launches
from tests.fakes.container import CODE_SHA256
from tests.fakes.launches import MINUTE
from tests.unit.signals.frames import MESSAGES

pytestmark = pytest.mark.db

SHIP = DeploymentId("dp1")
OPEN = 29_000_000 * MINUTE


class Desk:
    """An intake without its connections."""

    def __init__(self, database: Database) -> None:
        clock = RealClock()
        self.database = database
        points = Failpoints(clock)
        self.leases = Leases("trading", "one", "", database, clock, points, scale=20.0)
        self.recorder = Recorder(database, Bus("redis://none", clock), SystemRng(), self.leases)

    async def open(self) -> Channel:
        await self.leases.once()
        shard = await self.database.write(self._launch)
        launch = Launch(SHIP, 1, shard, "running")
        return Channel(launch, self.leases.epoch(shard), "running")

    async def settle(self, channel: Channel, frames: list[bytes]) -> None:
        inlet = Inlet()
        for frame in frames:
            inlet.hear(channel, frame, 1.0)
        await self.recorder.commit([arrival for _, arrival in inlet.group(1_000)])
        await self.recorder.welcome([greeting for _, _, greeting in inlet.greetings])
        page = channel.notebook.tear_off()
        if page is not None:
            deployment, generation = channel.place
            shard = channel.launch.shard
            await self.recorder.note([Notes(deployment, generation, shard, channel.epoch, page)])
            await self.recorder.forget([SHIP])

    @staticmethod
    def _launch(tx: Tx) -> Shard:
        launches.market_at(tx, OPEN + 1)
        shard = launches.deployed(tx, SHIP)
        launches.launched(tx, SHIP)
        return shard


def _accepted(tx: Tx) -> list[tuple[str, bool]]:
    rows = tx.all(select(tables.signals))
    return [(row.state, row.price.is_finite() and row.price > 0) for row in rows]


async def _fuzz(
    desk: Desk, run: Callable[[Callable[[list[bytes]], None]], Awaitable[None]]
) -> None:
    channel = await desk.open()
    hello = messages.encode(messages.Hello("run-00000001", 1, CODE_SHA256))
    await desk.settle(channel, [hello])
    await desk.database.write(
        lambda tx: tx.run(market_times.update().values(anchor_market_ms=OPEN + 100 * MINUTE))
    )
    loop = asyncio.get_running_loop()

    def settle(frames: list[bytes]) -> None:
        asyncio.run_coroutine_threadsafe(desk.settle(channel, frames), loop).result(20)

    await run(settle)


async def test_no_message_breaks_a_table(database: Database) -> None:
    desk = Desk(database)

    async def run(settle: Callable[[list[bytes]], None]) -> None:
        @settings(
            max_examples=150,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(frames=st.lists(MESSAGES, min_size=1, max_size=4))
        def property_holds(frames: list[bytes]) -> None:
            settle(frames)

        await asyncio.to_thread(property_holds)

    await _fuzz(desk, run)
    states = await database.read(_accepted)
    assert all(is_price for state, is_price in states if state == "accepted")
    assert "accepted" in {state for state, _ in states}  # not everything was refused at the door
