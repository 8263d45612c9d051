"""Faults of containers and of their engine, each by its number in the catalogue, on a real engine.

tests/unit/test_catalogue.py lists which numbers are shown here and which elsewhere.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from control_plane.containers.launches import container_name
from control_plane.core.clock import Clock
from control_plane.deployments.models.status import Status
from control_plane.deployments.models.wishes import Policy
from control_plane.infra import db
from control_plane.infra.db import Database
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import Arming, FailpointRaised, Failpoints
from control_plane.infra.leases import Leases
from control_plane.infra.paging import Asked
from control_plane.infra.rng import SystemRng
from control_plane.signals.worker import Intake
from control_plane.tables import SCHEMA
from tests.conftest import wait_until
from tests.fakes.gangway import Gangway, gangway
from tests.integration.containers.conftest import image
from tests.integration.deployments.conftest import ME
from tests.integration.deployments.real import Fleet, fleet_on
from tests.unit.deployments.conftest import CODE

__all__ = ["image"]
pytestmark = [
    pytest.mark.docker,
    pytest.mark.redis,
    pytest.mark.timeout(180),
    # Where an engine goes away in the middle of a call, the SDK leaves its socket to the collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DIES = CODE + "print('last words')\nimport os\nos._exit(9)\n"
LEAVES = CODE + "import os\nos._exit(0)\n"
DEAF = (
    CODE + "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('DEAF')\n"
    "while True: time.sleep(1)\n"
)
LEAKS = (
    CODE + "import threading, time\n"
    "HELD = []\n"
    "def leak():\n"
    "    while True:\n"
    "        HELD.append(bytearray(b'x' * 400_000))\n"
    "        time.sleep(0.1)\n"
    "threading.Thread(target=leak, daemon=True).start()\n"
)
HURRIED = Policy(scale=0.1, grace=20.0)


@pytest.fixture
def rows(tmp_path: Path, real_clock: Clock) -> Iterator[Database]:
    opened = db.connect(f"sqlite:///{tmp_path / 'fleet.db'}", real_clock)
    SCHEMA.create_all(opened.engine)
    yield opened
    opened.close()


async def manned(fleet: Fleet) -> Fleet:
    for name, code in (("good", CODE), ("dies", DIES), ("leaves", LEAVES), ("leaks", LEAKS)):
        await fleet.strategies.upload(ME, name, code)
    await fleet.strategies.upload(ME, "deaf", DEAF)
    return fleet


@pytest.fixture
async def fleet(image: str, rows: Database, redis_server: EmbeddedServer) -> AsyncIterator[Fleet]:
    async with fleet_on(image, rows, redis_server) as made:
        yield await manned(made)


@pytest.fixture
async def hurried(image: str, rows: Database, redis_server: EmbeddedServer) -> AsyncIterator[Fleet]:
    """Every patience is a tenth."""
    async with fleet_on(image, rows, redis_server, policy=HURRIED) as made:
        yield await manned(made)


@pytest.fixture
async def between(tmp_path: Path) -> AsyncIterator[Gangway]:
    async with gangway(tmp_path) as made:
        yield made


@pytest.fixture
async def beyond(
    image: str, rows: Database, redis_server: EmbeddedServer, between: Gangway
) -> AsyncIterator[Fleet]:
    """A fleet whose engine can be taken away."""
    async with fleet_on(image, rows, redis_server, through=between.host) as made:
        yield await manned(made)


async def ends(fleet: Fleet, one: Status) -> list[str]:
    """What its launches ended with, the newest first."""
    found = await fleet.use.history(ME, one.id, Asked())
    return [row.body for row in found.rows if row.kind == "generation_ended"]


async def test_g1_one_that_ends_at_once_is_given_up_with_its_last_lines(hurried: Fleet) -> None:
    one = await hurried.start().deploy("dies")

    status = await hurried.until(one, "crash_loop", 60)

    assert status.reason.startswith("5 crashes within 10 min, the last: ended with exit 9")
    assert (status.generation, status.restarts) == (5, 5)
    assert status.log_tail.splitlines()[-1] == "last words"
    assert '"last_lines":["last words"]' in (await ends(hurried, one))[0]
    await hurried.sails()


async def test_g9_a_leak_is_taken_over_before_it_ends_in_a_kill(
    image: str, rows: Database, redis_server: EmbeddedServer
) -> None:
    policy = Policy(scale=0.1, memory_window=100.0)
    async with fleet_on(image, rows, redis_server, policy=policy) as fleet:
        await manned(fleet)
        it = fleet.reconciler
        points = Failpoints(it.clock)
        trading = Leases("trading", "me", fleet.installation, rows, it.clock, points)
        await trading.once()
        intake = Intake(rows, it.bus, it.clock, SystemRng(), trading, points, 0.1)
        for loop in (intake.run, trading.run):
            fleet.running.append(fleet.tasks.create_task(loop()))
        one = await fleet.start().deploy("leaks", memory_mb=130)

        await wait_until(lambda: _is_at(fleet, one, 2), 60, "a second launch")

        status = await fleet.status(one)
        launched = [
            row.body
            for row in (await fleet.use.history(ME, one.id, Asked())).rows
            if row.kind == "generation_launched"
        ]
        assert "its memory " in launched[0]
        assert "of 130 MB" in launched[0]
        assert status.restarts == 0
        assert not [end for end in await ends(fleet, one) if '"crashed":true' in end]


async def _is_at(fleet: Fleet, one: Status, generation: int) -> bool:
    return (await fleet.status(one)).generation == generation


async def test_g10_what_outlived_an_engine_s_restart_is_adopted(
    beyond: Fleet, between: Gangway
) -> None:
    beyond.start()
    ones = [await beyond.deploy() for _ in range(2)]
    await beyond.sails(*((one, 1) for one in ones))

    await between.draw()
    status = await _until_reason(beyond, ones[0], "unknown: The Docker engine cannot be reached")
    assert status.observed == "starting"
    await between.lay()

    await _until_reason(beyond, ones[0], "waits for its first word")
    await beyond.sails(*((one, 1) for one in ones))


async def test_g10_what_an_engine_s_restart_ended_is_launched_anew(
    beyond: Fleet, between: Gangway
) -> None:
    one = await beyond.start().deploy()
    await beyond.sails((one, 1))

    await between.draw()
    await beyond.engine.call("kill", container_name(one.id, 1))
    await between.lay()

    await beyond.sails((one, 2))


async def test_g11_an_engine_that_stands_still_is_unknown_and_nothing_is_doubled(
    beyond: Fleet, between: Gangway
) -> None:
    one = await beyond.start().deploy()
    await beyond.sails((one, 1))

    between.hold()
    other = await beyond.deploy()
    await _until_reason(beyond, one, "unknown: The Docker engine has not answered within 2 s")
    assert await beyond.containers() == [f"{container_name(one.id, 1)} running"]
    between.let_go()

    await beyond.until(other, "starting")
    await beyond.sails((one, 1), (other, (await beyond.status(other)).generation))


async def _until_reason(fleet: Fleet, one: Status, text: str) -> Status:
    status = one

    async def is_so() -> bool:
        nonlocal status
        status = await fleet.status(one)
        return text in status.reason

    await wait_until(is_so, 40, text)
    return status


async def test_g14_a_death_between_create_and_start_leaves_no_twin(fleet: Fleet) -> None:
    one = await fleet.deploy()
    fleet.reconciler.hands.failpoints.armed["launch.after_create"] = Arming("raise")
    with pytest.raises(ExceptionGroup) as died:
        await fleet.reconciler.settle()
    assert died.group_contains(FailpointRaised)
    assert await fleet.containers() == [f"{container_name(one.id, 1)} created"]

    later = fleet.reborn().start()
    await later.sails((one, 2))
    await later.die()


async def test_g15_a_second_container_of_one_deployment_is_removed(fleet: Fleet) -> None:
    one = await fleet.start().deploy()
    await fleet.sails((one, 1))
    found = await fleet.engine.call("inspect_container", container_name(one.id, 1))
    shape = {
        "Image": found["Image"],
        "Entrypoint": ["python3", "-c", "import time; time.sleep(60)"],
        "Labels": found["Config"]["Labels"],
    }

    twin = await fleet.engine.call("create_container_from_config", shape, f"{one.id}-twin")
    assert twin["Id"] != found["Id"]

    await fleet.sails((one, 1))
    kept = await fleet.engine.call("inspect_container", container_name(one.id, 1))
    assert kept["Id"] == found["Id"]


async def test_g17_after_a_reboot_only_the_fleet_starts_containers(
    fleet: Fleet, redis_server: EmbeddedServer
) -> None:
    fleet.start()
    ones = [await fleet.deploy() for _ in range(2)]
    await fleet.sails(*((one, 1) for one in ones))
    await fleet.die()
    for one in ones:
        await fleet.engine.call("kill", container_name(one.id, 1))
    await redis_server.stop()
    await redis_server.revive()
    names = sorted(f"{container_name(one.id, 1)} exited" for one in ones)
    assert await fleet.containers() == names

    later = fleet.reborn().start()

    await later.sails(*((one, 2) for one in ones))
    await later.die()


async def test_g18_one_that_hears_no_signal_is_killed_and_told_so(fleet: Fleet) -> None:
    one = await fleet.start().deploy("deaf")
    await fleet.sails((one, 1))
    await wait_until(lambda: _says(fleet, one, "DEAF"), 20, "its word")

    await fleet.use.stop(ME, one.id)
    await fleet.sails()

    (end,) = await ends(fleet, one)
    assert "stopped as asked; it did not end within 2 s of SIGTERM and was killed" in end


async def _says(fleet: Fleet, one: Status, text: str) -> bool:
    lines = await fleet.engine.call("logs", container_name(one.id, 1))
    return text in lines.decode()


async def test_g19_a_clean_exit_counts_as_a_crash(fleet: Fleet) -> None:
    one = await fleet.start().deploy("leaves")

    status = await fleet.until(one, "restarting")

    assert status.reason == "ended by itself (exit 0)"
    assert '"crashed":true' in (await ends(fleet, one))[-1]


async def test_g20_those_that_die_together_come_back_by_the_budget(
    image: str, rows: Database, redis_server: EmbeddedServer
) -> None:
    async with fleet_on(image, rows, redis_server, per_second=4.0) as fleet:
        await manned(fleet)
        fleet.start()
        ones = [await fleet.deploy() for _ in range(5)]
        await fleet.sails(*((one, 1) for one in ones))

        async with asyncio.TaskGroup() as group:
            for one in ones:
                group.create_task(fleet.engine.call("kill", container_name(one.id, 1)))

        await fleet.sails(*((one, 2) for one in ones))
        assert {(await fleet.status(one)).restarts for one in ones} == {1}


async def test_g21_a_paused_container_is_replaced(fleet: Fleet) -> None:
    one = await fleet.start().deploy()
    await fleet.sails((one, 1))

    await fleet.engine.call("pause", container_name(one.id, 1))

    await fleet.sails((one, 2))
    assert "paused from outside: it stood still" in (await ends(fleet, one))[0]
