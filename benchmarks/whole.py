"""A whole Slipway in this process, for benchmarks that need one: all roles, SQLite, the embedded
Redis, a simulated market, strategies in Docker.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loguru import logger

from control_plane.containers.images import ROOT, ImageBuilder
from control_plane.core.ids import DeploymentId, Tenant
from control_plane.deployments.models.status import Order, Status
from control_plane.deployments.service import Deployments, reconciling
from control_plane.infra.clock import RealClock
from control_plane.main import App, build, run
from control_plane.settings import FleetSettings, MarketSettings, Settings
from control_plane.strategies.models.checking import Report, check
from control_plane.strategies.service import Strategies

ME = Tenant("bench")
LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Whole:
    app: App
    use: Deployments
    strategies: Strategies

    async def deploy(self, name: str, **changes: Any) -> Status:
        return await self.use.deploy(ME, Order(name, **changes))

    async def status(self, one: Status) -> Status:
        return await self.use.get(ME, one.id)

    async def until(self, one: Status, observed: str, seconds: float = 120.0) -> Status:
        async with asyncio.timeout(seconds):
            while (status := await self.status(one)).observed != observed:
                await asyncio.sleep(LOOK_SECONDS)
        return status

    async def delete(self, one: Status) -> None:
        """And wait until nothing of it is left to share the machine with."""
        await self.use.delete(ME, one.id)
        async with asyncio.timeout(60):
            while await self._is_alive(one.id):
                await asyncio.sleep(LOOK_SECONDS)

    async def _is_alive(self, deployment: DeploymentId) -> bool:
        return bool(await self.app.machinery.db.read(reconciling.alive_of, [deployment]))


async def _unchecked(code: str, manifest: object) -> Report:
    """Some of what is measured would not pass a check."""
    return Report(check(code, {}).outline, [])


@asynccontextmanager
async def sailing(speed: float = 60.0, **fleet: Any) -> AsyncIterator[Whole]:
    cache = ROOT / ".slipway" / "wheels"
    await asyncio.to_thread(ImageBuilder(None, cache, RealClock(), lambda line: None).build)
    logger.remove()
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        settings = Settings(
            data_dir=Path(folder),
            port=0,
            log_level="ERROR",
            fleet=FleetSettings.model_validate({"launcher": "docker", **fleet}),
            market=MarketSettings.model_validate({"speed": speed}),
        )
        stop = asyncio.Event()
        async with AsyncExitStack() as stack:
            app = await build(settings, stack)
            it = app.machinery
            async with asyncio.TaskGroup() as group:
                running = group.create_task(run(app, stop))
                await app.started.wait()
                await asyncio.sleep(1)  # the market lists its instruments
                yield Whole(
                    app,
                    Deployments(it.db, it.bus, it.rng, settings.fleet),
                    Strategies(it.db, it.rng, _unchecked),
                )
                stop.set()
                await running


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
