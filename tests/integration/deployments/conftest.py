"""A fleet on a database in memory and a fake engine, a real bus, and a clock that tests drive."""

import asyncio
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from control_plane.containers.access import Access
from control_plane.containers.models import Handle
from control_plane.core.clock import ms
from control_plane.core.ids import Rng, Tenant
from control_plane.deployments import service
from control_plane.deployments.models.status import Order, Status
from control_plane.deployments.models.wishes import Policy
from control_plane.deployments.service import Beat, Deployments
from control_plane.deployments.worker.hands import Hands
from control_plane.deployments.worker.keeper import Keeper
from control_plane.deployments.worker.reconciler import Budget, Reconciler
from control_plane.deployments.worker.senses import Senses
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.market import store as market
from control_plane.market.models.catalogue import LISTINGS
from control_plane.settings import FleetSettings
from control_plane.strategies.service import Strategies
from strategy_runtime.wire import messages, names
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeLauncher
from tests.fakes.strategies import check_here
from tests.unit.deployments.conftest import CODE

ME = Tenant("me")
INSTALLATION = "inst-1"
STREAM = names.history("spot:B-BTC_USDT", "1m")


@dataclass
class Harbour:
    """Everything that a test of the fleet touches."""

    db: Database
    bus: Bus
    clock: FakeClock
    rng: Rng
    engine: FakeLauncher = field(default_factory=FakeLauncher)
    holder: str = "me:1"

    def __post_init__(self) -> None:
        self.points = Failpoints(self.clock)
        self.access = Access(self.bus, f"fleet:{self.holder}")
        self.leases = self._leases("fleet")
        self.trading = self._leases("trading")
        self.policy = Policy(jitter=0)
        self.use = Deployments(self.db, self.bus, self.rng, FleetSettings())
        self.fleet = Reconciler(
            self.db,
            self.bus,
            self.clock,
            self.leases,
            Hands(
                INSTALLATION,
                self.db,
                self.bus,
                self.rng,
                self.engine,
                self.access,
                self.points,
                self.policy,
                lambda _tx, _tenant, _code: True,
            ),
            Senses(self.bus, self.clock, self.policy),
            Budget(2.0, self.clock),
            3.0,
        )
        self.keeper = Keeper(self.db, self.clock, self.leases, self.access)

    async def deploy(self, **changes: object) -> Status:
        return await self.use.deploy(ME, Order("good", **changes))  # type: ignore[arg-type] # a test's own

    async def settle(self, after: float = 0.0) -> None:
        """Let time pass, then let the fleet do what is due."""
        await self.clock.advance(after)
        await self.leases.once()
        await self.trading.once()
        await self.fleet.settle()

    async def status(self, one: Status) -> Status:
        return await self.use.get(ME, one.id)

    async def hear(
        self, one: Status, generation: int, phase: messages.Phase = "running", rss_mb: int = 1
    ) -> None:
        """What the trading role would record of a process that speaks."""
        run = f"run-{one.id}-{generation}"
        beat = messages.Heartbeat(run, 0, phase, None, 0, 0, rss_mb * 1024 * 1024, 0.0, 0)
        await self.db.write(service.hear_hello, run, one.id, generation, welcomed=True)
        now = ms(self.clock.now())
        await self.db.write(service.hear_beats, [Beat(one.id, generation, now, beat)])
        await self.db.write(service.make_active, one.id, generation, "1m:0")

    async def candle(self, open_ms: int) -> None:
        await self.bus.client.xadd(STREAM, {"c": b"{}"}, id=f"{open_ms}-0")

    def container(self, one: Status, generation: int) -> Handle:
        return Handle(f"slipway-{one.id}-g{generation}")

    async def users(self) -> set[str]:
        found = await self.bus.client.execute_command("ACL", "USERS")  # type: ignore[no-untyped-call]
        return {name.decode() for name in found if name.startswith(b"dep-")}

    def _leases(self, role: str) -> Leases:
        return Leases(role, self.holder, INSTALLATION, self.db, self.clock, self.points)

    def reborn(self) -> "Harbour":
        """The control plane after a kill: nothing is left of it but rows, Redis and the engine."""
        return Harbour(self.db, self.bus, self.clock, self.rng, self.engine, "me:2")


@pytest.fixture
async def harbour(memory: Database, bus: Bus, clock: FakeClock, rng: Rng) -> Harbour:
    await memory.write(market.list_instruments, [x.instrument for x in LISTINGS], "simulated")
    await Strategies(memory, rng, check_here).upload(ME, "good", CODE)
    made = Harbour(memory, bus, clock, rng)
    await made.settle()
    return made


async def connect_as(bus: Bus, user: str, password: str) -> Redis:
    """A client of the bus with a generation's own user."""
    path = bus.client.connection_pool.connection_kwargs["path"]
    client = Redis(unix_socket_path=path, username=user, password=password, protocol=3)
    await asyncio.wait_for(client.ping(), 5)
    return client
