"""Real containers on a private bus."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import pytest

from control_plane.containers.access import Access, Rights
from control_plane.containers.docker.adapter import DockerLauncher
from control_plane.containers.docker.engine import Engine
from control_plane.containers.environment import BusAddress
from control_plane.containers.images import ROOT, ImageBuilder
from control_plane.containers.launches import LaunchSpec
from control_plane.containers.models import (
    Facts,
    Handle,
    Launcher,
    Limits,
)
from control_plane.core.ids import DeploymentId, random_id
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.rng import SystemRng
from strategy_runtime.wire import messages, names
from tests.conftest import wait_until

IDLE = (
    "from strategy_runtime import BaseStrategy\n"
    "class Idle(BaseStrategy):\n    def on_candle(self, candle):\n        return None\n"
)
PASSWORD = "ab" * 32
INSTRUMENT = "spot:B-BTC_USDT"


def boot_of(deployment: DeploymentId, code: str, generation: int = 1) -> str:
    boot = messages.Boot(
        deployment=deployment,
        generation=generation,
        code=code,
        code_sha256=sha256(code.encode()).hexdigest(),
        instrument=INSTRUMENT,
        resolution="1m",
    )
    return messages.encode(boot).decode()


@dataclass
class Dock:
    """Launches code as the fleet would, and waits for what comes of it."""

    launcher: Launcher
    access: Access
    installation: str
    deployments: list[DeploymentId] = field(default_factory=list)

    async def spec(self, code: str = IDLE, **limits: float) -> LaunchSpec:
        deployment = DeploymentId(random_id("dp", SystemRng()))
        self.deployments.append(deployment)
        boot = boot_of(deployment, code)
        hashed = sha256(PASSWORD.encode()).hexdigest()
        await self.access.grant(
            Rights(deployment, 1, hashed, INSTRUMENT, ("1m",), ticks=False), boot
        )
        return LaunchSpec(
            self.installation,
            deployment,
            1,
            sha256(code.encode()).hexdigest(),
            sha256(boot.encode()).hexdigest(),
            PASSWORD,
            replace(Limits(), **limits),  # type: ignore[arg-type] # a test's own
            trusted=True,
        )

    async def launch(self, code: str = IDLE, **limits: float) -> Handle:
        return await self.launcher.launch(await self.spec(code, **limits))

    async def launch_heard(self, spec: LaunchSpec) -> Handle:
        """Launch it, and wait for its first word on its own channel."""
        async with self.access.bus.client.pubsub() as ear:
            await ear.subscribe(names.up(spec.deployment, spec.generation))
            handle = await self.launcher.launch(spec)
            async with asyncio.timeout(30):
                async for message in ear.listen():
                    if message["type"] == "message":
                        assert isinstance(messages.decode_up(message["data"]), messages.Hello)
                        return handle
        raise AssertionError("unreachable")

    async def printed(self, handle: Handle, text: str, seconds: float = 30.0) -> str:
        log = ""

        async def is_there() -> bool:
            nonlocal log
            log = await self.launcher.logs(handle)
            return text in log

        try:
            await wait_until(is_there, seconds, f"{text!r} in the log")
        except AssertionError as error:
            raise AssertionError(f"{error}; it printed:\n{log}") from error
        return log

    async def ended(self, handle: Handle, seconds: float = 30.0) -> Facts:
        facts: Facts | None = None

        async def is_over() -> bool:
            nonlocal facts
            facts = await self.launcher.facts(handle)
            return facts is not None and facts.state == "exited"

        await wait_until(is_over, seconds, "its end")
        assert facts is not None
        return facts


@pytest.fixture(scope="session")
def image() -> str:
    """The image of today's sources, built if need be."""
    cache = ROOT / ".slipway" / "wheels"
    return ImageBuilder(None, cache, RealClock(), lambda line: None).build().name


@pytest.fixture
def installation() -> str:
    return random_id("test", SystemRng())


@pytest.fixture
async def dock(image: str, installation: str, redis_server: EmbeddedServer) -> AsyncIterator[Dock]:
    clock = RealClock()
    bus = Bus(redis_server.url, clock)
    launcher = DockerLauncher(
        installation,
        image,
        BusAddress(socket=str(redis_server.socket_path)),
        Engine(),
        Failpoints(clock),
    )
    yield Dock(launcher, Access(bus, "fleet:test"), installation)
    async with asyncio.TaskGroup() as group:
        for running in await launcher.list_ours():
            group.create_task(launcher.remove(running.handle))
    await launcher.close()
    await bus.close()


def hostile(name: str) -> str:
    return (Path(__file__).parents[2] / "hostile" / f"{name}.py").read_text()
