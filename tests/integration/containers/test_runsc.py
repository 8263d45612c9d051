"""Strategies under gVisor, where the engine has `runsc` among its runtimes: the same template, one
more wall. `SLIPWAY_TEST_RUNSC_HOST` names another engine than the default one.
"""

import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from control_plane.containers.access import Access
from control_plane.containers.docker.adapter import DockerLauncher
from control_plane.containers.docker.engine import Engine
from control_plane.containers.environment import BusAddress
from control_plane.containers.images import ROOT, ImageBuilder
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import Failpoints
from tests.integration.containers.conftest import Dock, hostile
from tests.services import RUNSC_HOST

pytestmark = [pytest.mark.docker, pytest.mark.runsc, pytest.mark.redis, pytest.mark.timeout(240)]

HOST = os.environ.get(RUNSC_HOST)
KERNEL = (
    "import os\n"
    "print('KERNEL', os.uname().version, flush=True)\n"
    "print('ME', os.getuid(), open('/proc/self/status').read().count('NoNewPrivs'), flush=True)\n"
    "import time\ntime.sleep(120)\n"
)


@pytest.fixture
async def dock(installation: str, redis_server: EmbeddedServer) -> AsyncIterator[Dock]:
    clock = RealClock()
    image = ImageBuilder(HOST, ROOT / ".slipway" / "wheels", clock, lambda line: None).build().name
    bus, engine = Bus(redis_server.url, clock), Engine(HOST)
    address = BusAddress(socket=str(redis_server.socket_path))
    points = Failpoints(clock)
    launcher = DockerLauncher(installation, image, address, engine, points, runtime="runsc")
    yield Dock(launcher, Access(bus, "fleet:test"), installation)
    for running in await launcher.list_ours():
        await launcher.remove(running.handle)
    await launcher.close()
    await bus.close()


async def test_a_strategy_speaks_over_the_socket_and_ends_when_asked(dock: Dock) -> None:
    spec = replace(await dock.spec())

    handle = await dock.launch_heard(spec)
    await dock.launcher.stop(handle, 8)

    facts = await dock.launcher.facts(handle)
    assert facts is not None
    assert facts.exit_code == 0


async def test_it_sees_another_kernel_than_ours(dock: Dock) -> None:
    handle = await dock.launch(KERNEL)

    log = await dock.printed(handle, "ME ", 60)

    assert os.uname().version not in log
    assert "ME 10001" in log


async def test_memory_beyond_the_limit_is_the_end_of_it(dock: Dock) -> None:
    handle = await dock.launch(hostile("s12_memory_bomb"), memory_mb=128)

    facts = await dock.ended(handle, 120)

    assert facts.exit_code != 0
