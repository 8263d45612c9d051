"""How long from the deploy call to a strategy's first word and heartbeat, and what it then weighs.

    python -m benchmarks.deploy [ROUNDS] [docker|process]

The whole product runs in one process (all roles, SQLite, the embedded Redis, a simulated market);
each round deploys one strategy, waits, and deletes it. In the same run, for comparison: a raw
`docker run` of the same image whose Python does nothing.
"""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from docker import APIClient
from loguru import logger
from redis.asyncio.client import PubSub

from control_plane.accounts.service import admins
from control_plane.containers.images import ROOT, ImageBuilder
from control_plane.core.ids import DeploymentId, Tenant
from control_plane.deployments.errors import NoSuchDeployment
from control_plane.deployments.models.status import Order, Status
from control_plane.deployments.service import Deployments
from control_plane.infra.clock import RealClock
from control_plane.main import App, up
from control_plane.settings import FleetSettings, Settings
from control_plane.strategies.service import Strategies
from strategy_runtime.wire import messages, names

TARGET_SECONDS = 0.6
TARGET_MB = 32
CRASH_TARGET_SECONDS = 3.0
IDLE = (
    "from strategy_runtime import BaseStrategy\n"
    "class Idle(BaseStrategy):\n"
    "    instrument = 'spot:B-BTC_USDT'\n"
    "    resolution = '1m'\n"
    "    def on_candle(self, candle):\n"
    "        return None\n"
)


@dataclass
class Found:
    hello: list[float] = field(default_factory=list)
    heartbeat: list[float] = field(default_factory=list)
    recovery: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)
    charged: list[int] = field(default_factory=list)


@dataclass
class Bench:
    rounds: int
    with_docker: bool
    tenant: Tenant = field(init=False)
    found: Found = field(default_factory=Found)

    async def __call__(self, app: App) -> None:
        try:
            await self._run(app)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    async def _run(self, app: App) -> None:
        it = app.machinery
        await asyncio.sleep(1)  # roles take their shards, the market lists its instruments
        self.tenant = min(await it.db.read(admins))  # whose code runs without a sandbox, too
        await Strategies(it.db, it.rng).upload(self.tenant, "idle", IDLE)
        use = Deployments(it.db, it.bus, it.rng, it.settings.fleet)
        async with it.bus.client.pubsub() as ear:
            await ear.psubscribe("up:*")
            await self._round(use, ear, measured=False)
            for _ in range(self.rounds):
                await self._round(use, ear, measured=True)
                if self.with_docker:
                    self.found.raw.append(await asyncio.to_thread(raw_run))

    async def _round(self, use: Deployments, ear: PubSub, *, measured: bool) -> None:
        began = time.perf_counter()
        one = await use.deploy(self.tenant, Order("idle"))
        hello, _ = await heard(ear, one.id, 1, messages.Hello)
        beat_at, beat = await heard(ear, one.id, 1, messages.Heartbeat)
        if measured:
            self.found.hello.append(hello - began)
            self.found.heartbeat.append(beat_at - began)
            assert isinstance(beat, messages.Heartbeat)
            self.found.resident.append(beat.rss_bytes)
            if self.with_docker:
                self.found.charged.append(await asyncio.to_thread(charged, one))
                self.found.recovery.append(await self._recovery(ear, one))
        await use.delete(self.tenant, one.id)
        while await is_there(use, self.tenant, one):
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.6)  # the spawn budget fills again

    async def _recovery(self, ear: PubSub, one: Status) -> float:
        """From a kill to the next generation's first word."""
        began = time.perf_counter()
        await asyncio.to_thread(kill, one)
        hello, _ = await heard(ear, one.id, 2, messages.Hello)
        return hello - began


async def heard(
    ear: PubSub, deployment: DeploymentId, generation: int, kind: type
) -> tuple[float, messages.Up]:
    """When the deployment says something of this kind, and what."""
    channel = names.up(deployment, generation).encode()
    async with asyncio.timeout(60):
        async for message in ear.listen():
            if message["type"] == "pmessage" and message["channel"] == channel:
                said = messages.decode_up(message["data"])
                if isinstance(said, kind):
                    return time.perf_counter(), said
    raise AssertionError("unreachable")


async def is_there(use: Deployments, tenant: Tenant, one: Status) -> bool:
    """Until its container is gone, the next round would share the machine with it."""
    try:
        await use.get(tenant, one.id)
    except NoSuchDeployment:
        return await asyncio.to_thread(is_listed, one) if IMAGE else False
    return True


def is_listed(one: Status) -> bool:
    client = APIClient(version="auto")
    try:
        return bool(client.containers(all=True, filters={"label": f"slipway.deployment={one.id}"}))
    finally:
        client.close()


def charged(one: Status) -> int:
    """What the engine charges to the container, without the file cache that it could drop."""
    client = APIClient(version="auto")
    try:
        stats = client.stats(f"slipway-{one.id}-g1", stream=False, one_shot=True)
    finally:
        client.close()
    memory = stats["memory_stats"]
    details = memory["stats"]
    return int(
        memory["usage"] - details.get("total_inactive_file", details.get("inactive_file", 0))
    )


def kill(one: Status) -> None:
    client = APIClient(version="auto")
    try:
        client.kill(f"slipway-{one.id}-g1")
    finally:
        client.close()


def raw_run() -> float:
    began = time.perf_counter()
    command = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "python3"]
    subprocess.run([*command, IMAGE[0], "-I", "-c", "pass"], check=True)
    return time.perf_counter() - began


IMAGE: list[str] = []


def report(found: Found, launcher: str) -> None:
    def line(what: str, values: list[float], target: float | None = None) -> None:
        if values:
            hit = "" if target is None else f"   target ≤ {target:g}"
            low, high = min(values), max(values)
            print(f"{what:<44} {statistics.median(values):6.3f} s  ({low:.3f}–{high:.3f}){hit}")

    print(f"\n{len(found.hello)} rounds, launcher {launcher}")
    line("deploy call → first word", found.hello)
    line("deploy call → first heartbeat", found.heartbeat, TARGET_SECONDS)
    line("killed → first word of the next launch", found.recovery, CRASH_TARGET_SECONDS)
    line("raw docker run of a Python that does nothing", found.raw)
    if found.raw:
        ratio = statistics.median(found.heartbeat) / statistics.median(found.raw)
        print(f"{'first heartbeat ÷ raw docker run':<44} {ratio:6.2f}")
    mb = statistics.median(found.resident) / 1e6
    print(f"{'resident memory, idle':<44} {mb:6.1f} MB   target ≤ {TARGET_MB}")
    if found.charged:
        mb = statistics.median(found.charged) / 1e6
        print(f"{'charged to the container, idle':<44} {mb:6.1f} MB")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    launcher = sys.argv[2] if len(sys.argv) > 2 else "docker"
    if launcher == "docker":
        cache = ROOT / ".slipway" / "wheels"
        IMAGE.append(ImageBuilder(None, cache, RealClock(), lambda line: None).build().name)
    logger.remove()
    bench = Bench(rounds, launcher == "docker")
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        settings = Settings(
            data_dir=Path(folder),
            port=0,
            log_level="ERROR",
            fleet=FleetSettings.model_validate({"launcher": launcher}),
        )
        asyncio.run(up(settings, on_started=bench))
    report(bench.found, launcher)


if __name__ == "__main__":
    main()
