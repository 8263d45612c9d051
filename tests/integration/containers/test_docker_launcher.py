"""The Docker launcher on a real engine."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.containers.docker.adapter import DockerLauncher
from control_plane.containers.docker.engine import Engine
from control_plane.containers.docker.template import Image, Template, container, differences
from control_plane.containers.environment import BusAddress
from control_plane.containers.errors import EngineUnreachable, LaunchFailed, LaunchRefused
from control_plane.containers.models import Handle
from control_plane.infra.failpoints import Arming, FailpointRaised
from tests.conftest import wait_until
from tests.integration.containers.conftest import Dock

pytestmark = [pytest.mark.docker, pytest.mark.redis, pytest.mark.timeout(300)]


@pytest.fixture
def docker(dock: Dock) -> DockerLauncher:
    assert isinstance(dock.launcher, DockerLauncher)
    return dock.launcher


@pytest.fixture
async def raw() -> AsyncIterator[Engine]:
    """The engine itself, to look behind the launcher and to do what others do."""
    engine = Engine()
    yield engine
    await engine.close()


async def test_it_can_launch(docker: DockerLauncher) -> None:
    assert await docker.available() is None


async def test_the_engine_made_what_was_asked(dock: Dock, raw: Engine) -> None:
    handle = await dock.launch(memory_mb=128, cpus=0.25)

    found = await raw.call("inspect_container", handle)
    host = found["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (128 * 1024**2, 128 * 1024**2)
    assert (host["CpuPeriod"], host["CpuQuota"], host["PidsLimit"]) == (100_000, 25_000, 64)
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["Privileged"]) == (
        "none",
        True,
        False,
    )
    assert (host["CapDrop"], host["CapAdd"]) == (["ALL"], None)
    assert host["RestartPolicy"]["Name"] == "no"
    assert [m["RW"] for m in found["Mounts"]] == [False]
    assert found["Config"]["Labels"]["slipway.installation"] == dock.installation


async def test_a_real_strategy_speaks_and_ends_when_asked(dock: Dock) -> None:
    handle = await dock.launch_heard(await dock.spec())
    alive = await dock.launcher.facts(handle)
    assert alive is not None
    assert (alive.peak_memory_bytes or 0) > 1_000_000

    await dock.launcher.stop(handle, 5)

    facts = await dock.launcher.facts(handle)
    assert facts is not None
    assert (facts.state, facts.exit_code) == ("exited", 0)


async def test_what_authors_use_works_inside(dock: Dock) -> None:
    uses = (
        "import concurrent.futures, datetime, tempfile, zoneinfo\n"
        "import numpy as np, pandas as pd, talib\n"
        "close = np.linspace(1, 2, 500)\n"
        "days = pd.date_range('2026', periods=500, tz='UTC')\n"
        "frame = pd.DataFrame({'close': close}, index=days)\n"
        "assert frame.close.rolling(20).mean().notna().sum() == 481\n"
        "assert np.isfinite(talib.SMA(close, 20)[-1])\n"
        "assert np.linalg.inv(np.eye(200) * 2).sum() == 100\n"
        "with concurrent.futures.ThreadPoolExecutor(4) as pool: list(pool.map(abs, [-1, 2]))\n"
        "with tempfile.NamedTemporaryFile() as file: file.write(b'x')\n"
        "print(zoneinfo.ZoneInfo('Asia/Kolkata').key, 'ALL WELL', flush=True)\n"
    )
    handle = await dock.launch(uses + "import time\ntime.sleep(60)\n")

    await dock.printed(handle, "ALL WELL")


async def test_one_that_does_not_listen_is_killed_after_the_grace(dock: Dock) -> None:
    deaf = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('deaf', flush=True)\n"
    handle = await dock.launch(deaf + "while True: time.sleep(1)\n")
    await dock.printed(handle, "deaf")

    await dock.launcher.stop(handle, 1)

    facts = await dock.launcher.facts(handle)
    assert facts is not None
    assert (facts.exit_code, facts.out_of_memory) == (137, False)


async def test_a_paused_one_can_be_stopped(dock: Dock, raw: Engine) -> None:
    handle = await dock.launch()
    await raw.call("pause", handle)
    assert [r.state for r in await dock.launcher.list_ours()] == ["paused"]

    await dock.launcher.stop(handle, 1)

    assert [r.state for r in await dock.launcher.list_ours()] == ["exited"]


async def test_what_is_gone_already_is_no_error(dock: Dock) -> None:
    handle = await dock.launch()
    await dock.launcher.remove(handle)

    await dock.launcher.stop(handle, 1)
    await dock.launcher.remove(handle)
    assert await dock.launcher.facts(handle) is None
    assert await dock.launcher.logs(handle) == ""


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("def broken(:\n", 4, "the strategy does not load"),
        ("x = 1\n", 4, "defines no strategy"),
        ("import os\nos._exit(9)\n", 9, ""),
        ("import ctypes\nctypes.string_at(0)\n", 139, ""),
    ],
)
async def test_the_way_it_ended_is_known(dock: Dock, code: str, exit_code: int, said: str) -> None:
    handle = await dock.launch(code)

    facts = await dock.ended(handle)

    assert (facts.exit_code, facts.out_of_memory) == (exit_code, False)
    assert said in await dock.launcher.logs(handle)


async def test_a_payload_that_is_not_the_launched_one_is_not_run(dock: Dock) -> None:
    spec = await dock.spec()
    await dock.access.bus.client.set(f"boot:{spec.deployment}:1", b"{}")

    handle = await dock.launcher.launch(spec)

    assert (await dock.ended(handle)).exit_code == 3


async def test_each_change_is_told(dock: Dock) -> None:
    heard: list[str] = []

    async def listen() -> None:
        async for deployment in dock.launcher.events():
            heard.append(deployment)

    async with asyncio.TaskGroup() as group:
        listening = group.create_task(listen())
        await asyncio.sleep(0.3)
        spec = await dock.spec("import os\nos._exit(1)\n")
        handle = await dock.launcher.launch(spec)
        await dock.ended(handle)
        await wait_until(lambda: len(heard) >= 3, 5, "create, start and die")
        listening.cancel()

    assert set(heard) == {spec.deployment}


async def test_two_installations_do_not_see_each_other(dock: Dock, docker: DockerLauncher) -> None:
    handle = await dock.launch()
    other = replace(docker, installation="somebody-else", engine=Engine())

    assert await other.list_ours() == []
    assert [r.handle for r in await dock.launcher.list_ours()] == [handle]
    await other.close()


async def test_a_name_that_is_taken_makes_no_second_container(dock: Dock) -> None:
    spec = await dock.spec()
    await dock.launcher.launch(spec)

    with pytest.raises(LaunchFailed, match="already in use"):
        await dock.launcher.launch(spec)
    assert len(await dock.launcher.list_ours()) == 1


async def test_a_death_after_create_leaves_one_that_never_ran(
    dock: Dock, docker: DockerLauncher
) -> None:
    docker.failpoints.armed["launch.after_create"] = Arming("raise")

    with pytest.raises(FailpointRaised):
        await dock.launch()

    assert [r.state for r in await dock.launcher.list_ours()] == ["created"]


async def test_what_the_engine_made_otherwise_is_refused_and_removed(
    dock: Dock, docker: DockerLauncher
) -> None:
    """An engine whose own defaults weaken us, as a stand-in between us and the real one."""
    weakened = replace(docker, engine=Meddling())

    with pytest.raises(LaunchRefused, match="PidsLimit: 9999, not 64"):
        await weakened.launch(await dock.spec())

    assert await dock.launcher.list_ours() == []
    await weakened.close()


class Meddling(Engine):
    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "create_container_from_config":
            host = {**args[0]["HostConfig"], "PidsLimit": 9999}
            args = ({**args[0], "HostConfig": host}, *args[1:])
        return await super().call(method, *args, **kwargs)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Privileged", True),
        ("CapAdd", ["SYS_ADMIN"]),
        ("NetworkMode", "bridge"),
        ("ReadonlyRootfs", False),
        ("PidMode", "host"),
        ("Binds", ["/:/host"]),
        ("Devices", [{"PathOnHost": "/dev/sda"}]),
        ("SecurityOpt", ["seccomp=unconfined"]),
        ("MaskedPaths", []),
        ("ReadonlyPaths", None),
        ("Memory", 0),
        ("Ulimits", []),
        ("SomethingNew", "enabled"),
    ],
)
async def test_each_weakening_is_a_difference(
    dock: Dock, docker: DockerLauncher, raw: Engine, field: str, value: object
) -> None:
    spec = await dock.spec()
    handle = await docker.launch(spec)
    found = await raw.call("inspect_container", handle)
    image = await raw.call("inspect_image", docker.image)
    shape = Template(
        Image(image["Id"], tuple(image["Config"]["Env"]), ()),
        "runc",
        docker.seccomp.read_text(),
        docker.bus,
    )
    asked = container(shape, spec)
    assert differences(asked, found, shape.image) == []

    found["HostConfig"][field] = value

    assert [d for d in differences(asked, found, shape.image) if d.startswith(field)]


async def test_a_difference_in_the_environment_names_no_value(
    dock: Dock, docker: DockerLauncher, raw: Engine
) -> None:
    spec = await dock.spec()
    found = await raw.call("inspect_container", await docker.launch(spec))
    image = Image(docker.image)
    asked = container(Template(image, "runc", "", docker.bus), spec)
    found["Config"]["Env"].append("LD_PRELOAD=/tmp/x.so")

    told = "; ".join(differences(asked, found, image))

    assert "Env: LD_PRELOAD" in told
    assert spec.password not in told


async def test_an_engine_that_is_not_there_is_told_in_a_sentence(
    docker: DockerLauncher, tmp_path: Path
) -> None:
    absent = replace(docker, engine=Engine(f"unix://{tmp_path}/docker.sock"))

    reason = await absent.available()

    assert reason is not None
    assert reason.startswith(f"The Docker engine cannot be reached at {tmp_path}/docker.sock.")
    with pytest.raises(EngineUnreachable):
        await absent.list_ours()
    await absent.close()


async def test_a_dead_engine_s_socket_is_told_in_a_sentence(
    docker: DockerLauncher, tmp_path: Path
) -> None:
    path = str(tmp_path / "d.sock")
    (await asyncio.start_unix_server(lambda _r, _w: None, path)).close()
    dead = replace(docker, engine=Engine(f"unix://{path}"))

    assert "cannot be reached" in str(await dead.available())
    await dead.close()


async def test_an_engine_that_hangs_is_unknown_within_its_deadline(
    docker: DockerLauncher, tmp_path: Path
) -> None:
    path = str(tmp_path / "d.sock")

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(swallow, path)
    hanging = replace(docker, engine=Engine(f"unix://{path}", call_seconds=0.5))
    async with asyncio.timeout(4):
        with pytest.raises(EngineUnreachable, match=r"has not answered within 0\.5 s"):
            await hanging.list_ours()
    await hanging.close()
    server.close()


async def test_a_missing_image_says_what_to_run(docker: DockerLauncher) -> None:
    without = replace(docker, image="slipway/base-strategy:nothere")

    reason = await without.available()

    assert reason is not None
    assert "Run `slipway images build`." in reason


async def test_a_bus_without_a_socket_says_which_setting(docker: DockerLauncher) -> None:
    reason = await replace(docker, bus=BusAddress(tcp="redis://h:1")).available()

    assert reason is not None
    assert "SLIPWAY_FLEET__BUS_URL" in reason


async def test_a_missing_volume_is_named(docker: DockerLauncher) -> None:
    bus = BusAddress(socket="/redis.sock", volume="slipway-no-such-volume")

    assert "'slipway-no-such-volume'" in str(await replace(docker, bus=bus).available())


async def test_what_it_prints_is_read_on_from_where_one_was(dock: Dock) -> None:
    code = (
        "from strategy_runtime import BaseStrategy\nimport sys, time\n"
        "print('one', flush=True)\nprint('two', file=sys.stderr, flush=True)\n"
        "time.sleep(1)\nprint('three', flush=True)\ntime.sleep(60)\n"
    )
    handle = await dock.launch(code)
    await dock.printed(handle, "two")
    first = await dock.launcher.output(handle, 0)

    await dock.printed(handle, "three")
    rest = await dock.launcher.output(handle, first[-1].at_ns)

    assert {line.text for line in first} >= {"one", "two"}
    assert "three" in {line.text for line in rest} | {line.text for line in first}
    assert not {line.at_ns for line in rest} & {line.at_ns for line in first}
    assert await dock.launcher.output(Handle("absent"), 0) == []
