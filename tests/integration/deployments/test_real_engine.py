"""The fleet on a real engine: what it launches, adopts, leaves alone and cuts off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest

from control_plane.containers.access import Access
from control_plane.containers.docker.adapter import DockerLauncher
from control_plane.containers.docker.engine import Engine, Gone
from control_plane.containers.errors import LaunchFailed
from control_plane.containers.models import BusAddress
from control_plane.core.ids import Rng, random_id
from control_plane.deployments.models.status import Order, Status
from control_plane.deployments.models.wishes import Policy
from control_plane.deployments.service import Deployments
from control_plane.deployments.worker.hands import Hands
from control_plane.deployments.worker.reconciler import Budget, Reconciler
from control_plane.deployments.worker.senses import Senses
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.infra.rng import SystemRng
from control_plane.market import store as market
from control_plane.market.models.catalogue import LISTINGS
from control_plane.settings import FleetSettings
from control_plane.strategies.service import Strategies
from tests.conftest import wait_until
from tests.fakes.strategies import check_here
from tests.integration.containers.conftest import image
from tests.integration.deployments.conftest import ME
from tests.unit.deployments.conftest import CODE

__all__ = ["image"]
pytestmark = [pytest.mark.docker, pytest.mark.redis, pytest.mark.timeout(300)]

BOMB = CODE + "held = []\nwhile True: held.append(bytearray(b'x' * 4_000_000))\n"


@dataclass
class Fleet:
    """One life of the fleet role, with its loops running."""

    reconciler: Reconciler
    use: Deployments
    engine: Engine
    installation: str
    tasks: asyncio.TaskGroup

    def start(self) -> list[asyncio.Task[None]]:
        it = self.reconciler
        loops = (it.run, it.listen, it.leases.run)
        return [self.tasks.create_task(loop()) for loop in loops]

    def reborn(self) -> "Fleet":
        """What a new process makes of the same rows; the engine knows nothing of it."""
        fresh = replace(
            self.reconciler,
            senses=Senses(self.reconciler.bus, self.reconciler.clock, self.reconciler.hands.policy),
            _busy=set(),
        )
        return replace(self, reconciler=fresh)

    async def deploy(self, strategy: str = "good", **changes: int) -> Status:
        return await self.use.deploy(ME, Order(strategy, memory_mb=changes.get("memory_mb")))

    async def until(self, one: Status, observed: str, seconds: float = 30.0) -> Status:
        status = one

        async def is_so() -> bool:
            nonlocal status
            status = await self.use.get(ME, one.id)
            return status.observed == observed

        await wait_until(is_so, seconds, f"{observed} (it is {status.observed})")
        return status

    async def containers(self) -> list[str]:
        """All of this installation's, by name and state."""
        ours = {"label": f"slipway.installation={self.installation}"}
        found = await self.engine.call("containers", all=True, filters=ours)
        return sorted(f"{c['Names'][0][1:]} {c['State']}" for c in found)


@pytest.fixture
async def fleet(
    image: str, database: Database, redis_server: EmbeddedServer
) -> AsyncIterator[Fleet]:
    clock, rng = RealClock(), SystemRng()
    bus = Bus(redis_server.url, clock)
    await database.write(market.list_instruments, [x.instrument for x in LISTINGS], "simulated")
    strategies = Strategies(database, rng, check_here)
    for name, code in (("good", CODE), ("bomb", BOMB)):
        await strategies.upload(ME, name, code)
    engine, points = Engine(), Failpoints(clock)
    installation = random_id("test", rng)
    launcher = DockerLauncher(
        installation, image, BusAddress(socket=str(redis_server.socket_path)), engine, points
    )
    leases = Leases("fleet", "me", installation, database, clock, points)
    await leases.once()
    policy = Policy(grace=2.0)
    hands = Hands(
        installation,
        database,
        bus,
        rng,
        launcher,
        Access(bus, "fleet:me"),
        points,
        policy,
        lambda _tx, _tenant, _code: False,
    )
    async with asyncio.TaskGroup() as group:
        made = Fleet(
            Reconciler(
                database,
                bus,
                clock,
                leases,
                hands,
                Senses(bus, clock, policy),
                Budget(10.0, clock),
                3.0,
            ),
            Deployments(database, bus, rng, FleetSettings()),
            engine,
            installation,
            group,
        )
        hints = group.create_task(bus.run())
        running = made.start()
        yield made
        for task in (*running, hints):
            task.cancel()
    for left in await launcher.list_ours():
        await launcher.remove(left.handle)
    await launcher.close()
    await bus.close()


async def test_what_outlived_a_kill_is_adopted_and_not_doubled(fleet: Fleet) -> None:
    ones = [await fleet.deploy() for _ in range(2)]
    names = [f"slipway-{one.id}-g1 running" for one in ones]
    for one in ones:
        await fleet.until(one, "starting")
    await wait_until(lambda: _are(fleet, sorted(names)), 30, "two containers")

    later = fleet.reborn()
    running = later.start()
    await asyncio.sleep(4)

    assert await fleet.containers() == sorted(names)
    for task in running:
        task.cancel()


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
