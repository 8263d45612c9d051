"""Strategies as plain processes: they outlive their launcher and are found again."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.containers.access import Access
from control_plane.containers.choice import choose
from control_plane.containers.environment import BusAddress
from control_plane.containers.errors import LaunchFailed, LaunchRefused
from control_plane.containers.process.adapter import ProcessLauncher
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import Arming, FailpointRaised, Failpoints
from tests.conftest import wait_until
from tests.fakes.engine import FakeLauncher
from tests.integration.containers.conftest import Dock

pytestmark = [pytest.mark.redis, pytest.mark.timeout(120)]


@pytest.fixture
async def dock(
    tmp_path: Path, installation: str, redis_server: EmbeddedServer
) -> AsyncIterator[Dock]:
    clock = RealClock()
    bus = Bus(redis_server.url, clock)
    launcher = ProcessLauncher(
        installation,
        tmp_path / "fleet",
        BusAddress(socket=str(redis_server.socket_path)),
        clock,
        Failpoints(clock),
    )
    yield Dock(launcher, Access(bus, "fleet:test"), installation)
    for running in await launcher.list_ours():
        await launcher.remove(running.handle)
    await bus.close()


@pytest.fixture
def processes(dock: Dock) -> ProcessLauncher:
    assert isinstance(dock.launcher, ProcessLauncher)
    return dock.launcher


def again(processes: ProcessLauncher) -> ProcessLauncher:
    """A launcher of a later control plane, which knows only the folder."""
    return replace(processes, failpoints=Failpoints(processes.clock), _seen={})


async def test_a_real_strategy_says_hello_and_ends_when_asked(dock: Dock) -> None:
    handle = await dock.launch_heard(await dock.spec())

    await dock.launcher.stop(handle, 5)

    facts = await dock.launcher.facts(handle)
    assert facts is not None
    assert (facts.state, facts.exit_code) == ("exited", 0)
    assert (facts.peak_memory_bytes or 0) > 1_000_000


async def test_a_later_control_plane_finds_and_stops_what_runs(
    dock: Dock, processes: ProcessLauncher
) -> None:
    handle = await dock.launch("import time\nprint('here', flush=True)\ntime.sleep(60)\n")
    await dock.printed(handle, "here")
    later = again(processes)

    (found,) = await later.list_ours()
    assert (found.handle, found.state, found.generation) == (handle, "running", 1)

    await later.stop(handle, 1)
    facts = await later.facts(handle)
    assert facts is not None
    assert facts.exit_code == 143


async def test_how_it_ended_is_known_to_whoever_comes_later(
    dock: Dock, processes: ProcessLauncher
) -> None:
    handle = await dock.launch("raise SystemExit(9)\n")
    await dock.ended(handle)

    facts = await again(processes).facts(handle)

    assert facts is not None
    assert facts.exit_code in (9, 4)


async def test_a_shim_that_was_killed_takes_its_strategy_along(dock: Dock) -> None:
    handle = await dock.launch(
        "import os, time\nprint(os.getppid(), 'is above', flush=True)\ntime.sleep(60)\n"
    )
    log = await dock.printed(handle, "is above")
    child_of = int(log.split()[0])

    os.kill(child_of, signal.SIGKILL)

    facts = await dock.ended(handle, 5)
    assert facts.exit_code == 137


async def test_one_that_does_not_listen_is_killed_with_its_children(dock: Dock) -> None:
    deaf = (
        "import os, signal, time\nsignal.signal(15, signal.SIG_IGN)\n"
        "pid = os.fork()\n"
        "if pid: print(pid, 'is below', flush=True)\nwhile True: time.sleep(1)\n"
    )
    handle = await dock.launch(deaf)
    child = int((await dock.printed(handle, "is below")).split()[0])

    await dock.launcher.stop(handle, 0.2)

    facts = await dock.launcher.facts(handle)
    assert facts is not None
    assert facts.exit_code == 137
    await wait_until(lambda: not _is_alive(child), 5, "the end of its child")


def _is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "State:\tZ" not in status


async def test_limits_hold(dock: Dock) -> None:
    greedy = "held = bytearray(2_000_000_000)\n"
    handle = await dock.launch(greedy, memory_mb=64)

    assert (await dock.ended(handle)).exit_code != 0
    assert "MemoryError" in await dock.launcher.logs(handle)


async def test_output_without_end_is_kept_short(dock: Dock, processes: ProcessLauncher) -> None:
    flood = (
        "import sys\nfor _ in range(300): sys.stdout.write('x' * 99_999 + '\\n')\n"
        "print('\\x1b[31mEND', flush=True)\nimport time\ntime.sleep(60)\n"
    )
    handle = await dock.launch(flood)

    log = await dock.printed(handle, "END")

    assert "\x1b" not in log
    kept = sum(f.stat().st_size for f in (processes.folder / handle).glob("log*"))
    assert kept <= 1_000_000


async def test_other_people_s_code_is_refused(dock: Dock) -> None:
    spec = replace(await dock.spec(), trusted=False)

    with pytest.raises(LaunchRefused, match="no sandbox"):
        await dock.launcher.launch(spec)
    assert await dock.launcher.list_ours() == []


async def test_the_same_launch_twice_is_one_process(dock: Dock) -> None:
    spec = await dock.spec()
    await dock.launcher.launch(spec)

    with pytest.raises(LaunchFailed, match="already"):
        await dock.launcher.launch(spec)
    assert len(await dock.launcher.list_ours()) == 1


async def test_a_death_before_the_start_leaves_one_that_never_ran(
    dock: Dock, processes: ProcessLauncher
) -> None:
    processes.failpoints.armed["launch.after_create"] = Arming("raise")

    with pytest.raises(FailpointRaised):
        await dock.launch()

    (found,) = await again(processes).list_ours()
    assert found.state == "created"


async def test_another_installation_s_processes_are_not_seen(
    dock: Dock, processes: ProcessLauncher
) -> None:
    await dock.launch()

    assert await replace(processes, installation="somebody-else").list_ours() == []


async def test_changes_are_told(dock: Dock) -> None:
    heard: list[str] = []

    async def listen() -> None:
        async for deployment in dock.launcher.events():
            heard.append(deployment)

    async with asyncio.TaskGroup() as group:
        listening = group.create_task(listen())
        spec = await dock.spec("import time\ntime.sleep(0.5)\n")
        await dock.launcher.launch(spec)
        await wait_until(lambda: len(heard) >= 2, 10, "its start and its end")
        listening.cancel()

    assert set(heard) == {spec.deployment}


async def test_without_an_engine_processes_are_chosen(processes: ProcessLauncher) -> None:
    away = FakeLauncher(is_reachable=False)

    assert await choose("auto", {"docker": away, "process": processes}) is processes
    assert await choose("docker", {"docker": away, "process": processes}) is away
    away.is_reachable = True
    assert await choose("auto", {"docker": away, "process": processes}) is away


async def test_what_it_prints_is_read_on_from_where_one_was(
    dock: Dock, processes: ProcessLauncher
) -> None:
    code = "import time\nprint('one', flush=True)\ntime.sleep(1)\nprint('two', flush=True)\n"
    handle = await dock.launch(code + "time.sleep(60)\n")
    await dock.printed(handle, "one")
    first = await processes.output(handle, 0)

    await dock.printed(handle, "two")
    rest = await processes.output(handle, first[-1].at_ns)
    later = await again(processes).output(handle, first[-1].at_ns)

    assert [line.text for line in [*first, *rest]] == ["one", "two"]
    assert rest[-1].at_ns > first[-1].at_ns
    assert later == []  # of a life before, which read it already
