"""The fleet on a real engine: what it launches, adopts, leaves alone and cuts off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from control_plane.containers.docker.engine import Gone
from control_plane.containers.errors import LaunchFailed
from control_plane.core.ids import Rng
from control_plane.infra.db import Database
from control_plane.infra.embedded import EmbeddedServer
from tests.conftest import wait_until
from tests.integration.containers.conftest import image
from tests.integration.deployments.conftest import ME
from tests.integration.deployments.real import Fleet, fleet_on
from tests.unit.deployments.conftest import CODE

__all__ = ["image"]
pytestmark = [pytest.mark.docker, pytest.mark.redis, pytest.mark.timeout(300)]

BOMB = CODE + "held = []\nwhile True: held.append(bytearray(b'x' * 4_000_000))\n"


@pytest.fixture
async def fleet(
    image: str, database: Database, redis_server: EmbeddedServer
) -> AsyncIterator[Fleet]:
    async with fleet_on(image, database, redis_server) as made:
        for name, code in (("good", CODE), ("bomb", BOMB)):
            await made.strategies.upload(ME, name, code)
        yield made.start()


async def test_what_outlived_a_kill_is_adopted_and_not_doubled(fleet: Fleet) -> None:
    ones = [await fleet.deploy() for _ in range(2)]
    names = [f"slipway-{one.id}-g1 running" for one in ones]
    for one in ones:
        await fleet.until(one, "starting")
    await wait_until(lambda: _are(fleet, sorted(names)), 30, "two containers")

    later = fleet.reborn().start()
    await asyncio.sleep(4)

    assert await fleet.containers() == sorted(names)
    await later.die()


async def _are(fleet: Fleet, names: list[str]) -> bool:
    return await fleet.containers() == names


async def test_strangers_containers_are_left_as_they_are(
    fleet: Fleet, image: str, rng: Rng
) -> None:
    """One that runs and one that does not, named and labelled almost as ours."""
    shape = {
        "Image": image,
        "Entrypoint": ["python3", "-c", "import time; time.sleep(120)"],
        "Labels": {"slipway.installation": f"not-{fleet.installation}", "slipway.deployment": "x"},
    }
    made = [
        await fleet.engine.call(
            "create_container_from_config", shape, f"slipway-{fleet.installation}-stranger{n}"
        )
        for n in range(2)
    ]
    await fleet.engine.call("start", made[0]["Id"])
    try:
        one = await fleet.deploy()
        await fleet.until(one, "starting")
        await fleet.reconciler.stop_all()

        states = [
            (await fleet.engine.call("inspect_container", m["Id"]))["State"]["Status"] for m in made
        ]
        assert states == ["running", "created"]
        assert await fleet.containers() == []
    finally:
        for m in made:
            await fleet.engine.call("remove_container", m["Id"], force=True)


async def test_one_of_ours_that_nobody_asked_for_is_removed(fleet: Fleet, image: str) -> None:
    shape = {
        "Image": image,
        "Entrypoint": ["python3", "-c", "import time; time.sleep(120)"],
        "Labels": {
            "slipway.installation": fleet.installation,
            "slipway.deployment": "older-database",
            "slipway.generation": "4",
        },
    }
    name = f"slipway-{fleet.installation}-orphan"
    made = await fleet.engine.call("create_container_from_config", shape, name)
    with suppress(Gone, LaunchFailed):  # seen and removed before it ran
        await fleet.engine.call("start", made["Id"])

    await wait_until(lambda: _are(fleet, []), 15, "its removal")


async def test_out_of_memory_is_told_with_the_limit(fleet: Fleet) -> None:
    one = await fleet.deploy("bomb", memory_mb=64)

    status = await fleet.until(one, "restarting")

    assert status.reason == "killed: used more than 64 MB"


async def test_a_crash_is_replaced_within_three_seconds(fleet: Fleet) -> None:
    one = await fleet.deploy()
    await wait_until(lambda: _are(fleet, [f"slipway-{one.id}-g1 running"]), 30, "the first")

    await fleet.engine.call("kill", f"slipway-{one.id}-g1")

    await wait_until(lambda: _are(fleet, [f"slipway-{one.id}-g2 running"]), 3, "the second")


async def test_one_that_is_removed_by_hand_comes_back(fleet: Fleet) -> None:
    one = await fleet.deploy()
    await wait_until(lambda: _are(fleet, [f"slipway-{one.id}-g1 running"]), 30, "the first")

    await fleet.engine.call("remove_container", f"slipway-{one.id}-g1", force=True)

    await wait_until(lambda: _are(fleet, [f"slipway-{one.id}-g2 running"]), 10, "the second")


async def test_a_cut_off_container_is_stopped_without_grace(fleet: Fleet) -> None:
    one = await fleet.deploy()
    await wait_until(lambda: _are(fleet, [f"slipway-{one.id}-g1 running"]), 30, "the container")
    await fleet.until(one, "starting")

    await fleet.reconciler.cut_off({"deployment": one.id, "generation": 1, "reason": "flooded"})

    assert not [name for name in await fleet.containers() if name.endswith("running")]
    status = await fleet.until(one, "failed")
    assert status.reason == "flooded"
    await wait_until(lambda: _are(fleet, []), 10, "its removal")
