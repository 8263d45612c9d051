"""The fleet role on a real engine: one life of it, and the next one on the same rows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from control_plane.containers.access import Access
from control_plane.containers.docker.adapter import DockerLauncher
from control_plane.containers.docker.engine import Engine
from control_plane.containers.environment import BusAddress
from control_plane.core.ids import random_id
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
from tests.fakes.strategies import unchecked
from tests.integration.deployments.conftest import ME

POLICY = Policy(grace=2.0)


@dataclass
class Fleet:
    """One life of the fleet role. Its loops run once it is started."""

    reconciler: Reconciler
    use: Deployments
    strategies: Strategies
    engine: Engine  # past whatever stands between the fleet and it
    installation: str
    tasks: asyncio.TaskGroup
    running: list["asyncio.Task[None]"] = field(default_factory=list)

    def start(self) -> "Fleet":
        it = self.reconciler
        self.running += [
            self.tasks.create_task(loop()) for loop in (it.run, it.listen, it.leases.run)
        ]
        return self

    async def die(self) -> None:
        """As a killed process: nothing is closed in order."""
        for task in self.running:
            task.cancel()
        await asyncio.wait(self.running)
        self.running.clear()

    def reborn(self) -> "Fleet":
        """What a new process makes of the same rows; the engine knows nothing of it."""
        it = self.reconciler
        fresh = replace(it, senses=Senses(it.bus, it.clock, it.hands.policy), _busy=set())
        return replace(self, reconciler=fresh, running=[])

    async def deploy(self, strategy: str = "good", **changes: object) -> Status:
        return await self.use.deploy(ME, Order(strategy, **changes))  # type: ignore[arg-type] # a test's own

    async def status(self, one: Status) -> Status:
        return await self.use.get(ME, one.id)

    async def until(self, one: Status, observed: str, seconds: float = 30.0) -> Status:
        status = one

        async def is_so() -> bool:
            nonlocal status
            status = await self.status(one)
            return status.observed == observed

        await wait_until(is_so, seconds, f"{observed} (it is {status.observed})")
        return status

    async def containers(self) -> list[str]:
        """All of this installation's, by name and state."""
        ours = {"label": f"slipway.installation={self.installation}"}
        found = await self.engine.call("containers", all=True, filters=ours)
        return sorted(f"{c['Names'][0][1:]} {c['State']}" for c in found)

    async def sails(self, *launches: tuple[Status, int], seconds: float = 30.0) -> None:
        """Exactly these generations run, and nothing else of ours is there."""
        wanted = sorted(f"slipway-{one.id}-g{generation} running" for one, generation in launches)
        seen: list[str] = []

        async def are_there() -> bool:
            nonlocal seen
            seen = await self.containers()
            return seen == wanted

        try:
            await wait_until(are_there, seconds, f"{len(wanted)} containers")
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen}, not {wanted}") from error


@asynccontextmanager
async def fleet_on(
    image: str,
    database: Database,
    server: EmbeddedServer,
    *,
    policy: Policy = POLICY,
    through: str | None = None,
    per_second: float = 10.0,
) -> AsyncIterator[Fleet]:
    """`through` is the socket of something that stands between the fleet and the engine."""
    clock, rng = RealClock(), SystemRng()
    bus = Bus(server.url, clock)
    await database.write(market.list_instruments, [x.instrument for x in LISTINGS], "simulated")
    engine, points = Engine(), Failpoints(clock)
    installation = random_id("test", rng)
    address = BusAddress(socket=str(server.socket_path))
    direct = DockerLauncher(installation, image, address, engine, points)
    launcher = direct if through is None else replace(direct, engine=Engine(through, 2.0))
    leases = Leases("fleet", "me", installation, database, clock, points)
    await leases.once()
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
    reconciler = Reconciler(
        database,
        bus,
        clock,
        leases,
        hands,
        Senses(bus, clock, policy),
        Budget(per_second, clock),
        3.0,
    )
    async with asyncio.TaskGroup() as group:
        use = Deployments(database, bus, rng, FleetSettings())
        strategies = Strategies(database, rng, unchecked)
        hints = group.create_task(bus.run())
        made = Fleet(reconciler, use, strategies, engine, installation, group)
        yield made
        for task in (*made.running, hints):
            task.cancel()
    for left in await direct.list_ours():
        await direct.remove(left.handle)
    await direct.close()
    if launcher is not direct:
        await launcher.close()
    await bus.close()
