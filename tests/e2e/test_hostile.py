"""Hostile strategies in real containers of a whole Slipway: what becomes of them, and of their
neighbours.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from control_plane.containers.images import ROOT, ImageBuilder
from control_plane.core.ids import Tenant
from control_plane.deployments.models.status import Order, Status
from control_plane.deployments.service import Deployments
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Tx
from control_plane.main import App, build, run
from control_plane.settings import FleetSettings, MarketSettings, Settings
from control_plane.signals.store.tables import executions
from control_plane.strategies.service import Strategies
from tests.conftest import wait_until
from tests.fakes.strategies import unchecked

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.redis, pytest.mark.timeout(300)]

ME = Tenant("author")
CALM = (
    "from strategy_runtime import BaseStrategy\n"
    "class Calm(BaseStrategy):\n"
    "    instrument = 'spot:B-BTC_USDT'\n    resolution = '1m'\n"
    "    def on_candle(self, candle):\n        return None\n"
)
MINUTE = 60_000


@dataclass
class Whole:
    """A Slipway with all roles in this process, an hour of market a minute."""

    app: App
    use: Deployments
    strategies: Strategies

    async def deploy(self, name: str, code: str) -> Status:
        await self.strategies.upload(ME, name, code)
        return await self.use.deploy(ME, Order(name))

    async def until(self, one: Status, observed: str, seconds: float = 60.0) -> Status:
        status = one

        async def is_so() -> bool:
            nonlocal status
            status = await self.use.get(ME, one.id)
            return status.observed == observed

        await wait_until(is_so, seconds, f"{one.name} being {observed}")
        return status

    async def decided(self, one: Status) -> list[int]:
        """The open times of the candles that it decided on."""
        return await self.app.machinery.db.read(_decided, one.id)


def _decided(tx: Tx, deployment: str) -> list[int]:
    query = select(executions.c.trigger_open_ms).where(executions.c.deployment_id == deployment)
    return sorted(row.trigger_open_ms for row in tx.all(query))


@pytest.fixture
async def slipway(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Whole]:
    cache = ROOT / ".slipway" / "wheels"
    await asyncio.to_thread(ImageBuilder(None, cache, RealClock(), lambda line: None).build)
    settings = Settings(
        data_dir=tmp_path,
        port=0,
        time_scale=getattr(request, "param", 1.0),
        fleet=FleetSettings.model_validate({"launcher": "docker"}),
        market=MarketSettings.model_validate({"speed": 60}),
    )
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        app = await build(settings, stack)
        it = app.machinery
        async with asyncio.TaskGroup() as group:
            running = group.create_task(run(app, stop))
            await app.started.wait()
            yield Whole(
                app,
                Deployments(it.db, it.bus, it.rng, settings.fleet),
                Strategies(it.db, it.rng, unchecked),
            )
            stop.set()
            await running


async def test_a_flood_is_cut_off_within_a_second_and_costs_no_neighbour_a_frame(
    slipway: Whole,
) -> None:
    calm = await slipway.deploy("calm", CALM)
    flood = await slipway.deploy(
        "flood", (Path(__file__).parents[1] / "hostile/flood.py").read_text()
    )
    await slipway.until(flood, "running")

    status = await slipway.until(flood, "failed")
    await wait_until(lambda: _has_log(slipway, flood), 10, "its last lines")
    status = await slipway.use.get(ME, flood.id)
    began = float(status.log_tail.partition("FLOOD ")[2].split()[0])
    assert status.observed_ms / 1000 - began < 1.0
    assert "sent more than a container may" in status.reason

    # Each candle of the neighbour's was decided, before, during and after.
    count = len(await slipway.decided(calm))
    await wait_until(lambda: _decides_on(slipway, calm, count + 5), 30, "five more candles")
    decided = await slipway.decided(calm)
    assert decided == list(range(decided[0], decided[-1] + MINUTE, MINUTE))
    assert (await slipway.use.get(ME, calm.id)).restarts == 0
    assert (await slipway.use.get(ME, flood.id)).generation == 1


async def _has_log(slipway: Whole, one: Status) -> bool:
    return "FLOOD" in (await slipway.use.get(ME, one.id)).log_tail


async def _decides_on(slipway: Whole, one: Status, count: int) -> bool:
    return len(await slipway.decided(one)) >= count


@pytest.mark.parametrize("slipway", [0.2], indirect=True)
async def test_a_hang_is_told_and_replaced(slipway: Whole) -> None:
    """At a fifth of every patience: two seconds without a decision."""
    calm = await slipway.deploy("calm", CALM)
    hang = await slipway.deploy("hang", (Path(__file__).parents[1] / "hostile/hang.py").read_text())
    await slipway.until(hang, "running")

    status = await slipway.until(hang, "restarting", 20)

    assert status.reason.startswith("hung: no ")
    await wait_until(lambda: _is_again(slipway, hang), 10, "the next launch")
    assert (await slipway.use.get(ME, calm.id)).restarts == 0


async def _is_again(slipway: Whole, one: Status) -> bool:
    return (await slipway.use.get(ME, one.id)).generation >= 2
