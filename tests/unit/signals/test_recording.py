"""What is stored of the decisions of those that are muted or drained."""

from decimal import Decimal

import pytest
from sqlalchemy import select, update

from control_plane.core.ids import DeploymentId, Rng
from control_plane.deployments import service as deployments
from control_plane.deployments.store.tables import deployments as ships
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.events import events
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.signals.models.settling import Arrival
from control_plane.signals.service.comparing import Thought, compare
from control_plane.signals.service.recording import Recorder
from control_plane.signals.store import tables
from strategy_runtime.wire import messages
from tests.fakes import launches
from tests.fakes.clock import FakeClock
from tests.fakes.launches import MINUTE

SHIP, SHADOW = DeploymentId("dp1"), DeploymentId("dp2")
OPEN = 29_000_000 * MINUTE
LONG = messages.Position(side="LONG", entry_price=1.0)
FLAT = messages.Position()


class Sea:
    def __init__(self, db: Database, bus: Bus, rng: Rng, leases: Leases) -> None:
        self.db, self.leases = db, leases
        self.recorder = Recorder(db, bus, rng, leases)

    async def decide(
        self,
        ship: DeploymentId,
        minute: int,
        *actions: messages.Action,
        position: messages.Position = FLAT,
        stop: str = "90",
    ) -> None:
        standing = (await self.db.read(deployments.standings, [ship]))[ship]
        signals = tuple(
            messages.Signal(a, Decimal(100), None if a.startswith("EXIT") else Decimal(stop))
            for a in actions
        )
        execution = messages.Execution(
            "run-00000001",
            minute,
            f"1m:{OPEN + minute * MINUTE}",
            "signal" if signals else "none",
            1,
            1,
            1,
            position,
            signals,
        )
        frame = messages.encode(execution)
        epoch = self.leases.epoch(standing.shard)
        arrival = Arrival(ship, 1, standing.shard, epoch, execution, frame)
        (settled,) = await self.recorder.commit([arrival])
        assert settled.outcome == "committed"

    async def signals(self) -> list[tuple[str, str]]:
        rows = await self.db.read(lambda tx: tx.all(select(tables.signals)))
        return [(row.action, row.state) for row in rows]

    async def desired(self, ship: DeploymentId) -> str:
        return (await self.db.read(deployments.standings, [ship]))[ship].desired


def _world(tx: Tx) -> None:
    launches.market_at(tx, OPEN + 1_000 * MINUTE)
    for ship in (SHIP, SHADOW):
        launches.deployed(tx, ship)
        launches.launched(tx, ship)
        deployments.make_active(tx, ship, 1, f"1m:{OPEN}")
    tx.run(update(ships).where(ships.c.id == SHADOW).values(shadow_of=SHIP))


@pytest.fixture
async def sea(memory: Database, clock: FakeClock, rng: Rng) -> Sea:
    await memory.write(_world)
    leases = Leases("trading", "me", "", memory, clock, Failpoints(clock))
    await leases.once()
    return Sea(memory, Bus("unix:///nowhere", clock), rng, leases)


async def drain(sea: Sea) -> None:
    values = {"draining": True}
    await sea.db.write(lambda tx: tx.run(update(ships).where(ships.c.id == SHIP).values(values)))


async def test_what_a_shadow_signals_is_kept_and_not_acted_on(sea: Sea) -> None:
    await sea.decide(SHADOW, 1, "LONG")
    await sea.decide(SHIP, 1, "LONG")

    assert sorted(await sea.signals()) == [("LONG", "accepted"), ("LONG", "muted")]
    told = await sea.db.read(lambda tx: tx.all(select(events.c.kind)))
    assert [row.kind for row in told].count("signal_accepted") == 1


async def test_one_that_is_drained_opens_nothing_and_stops_once_it_left(sea: Sea) -> None:
    await drain(sea)
    await sea.decide(SHIP, 1, position=LONG)
    assert await sea.desired(SHIP) == "running"

    await sea.decide(SHIP, 2, "EXIT_LONG", "SHORT", position=LONG)

    assert await sea.signals() == [("EXIT_LONG", "accepted"), ("SHORT", "refused")]
    assert await sea.desired(SHIP) == "stopped"


async def test_a_virtual_stop_ends_a_drain_as_well(sea: Sea) -> None:
    await drain(sea)
    await sea.decide(SHIP, 1, position=LONG)
    await sea.decide(SHIP, 2)

    assert await sea.desired(SHIP) == "stopped"


async def test_a_deployment_and_its_shadow_are_compared_by_what_they_meant(sea: Sea) -> None:
    for ship in (SHIP, SHADOW):
        await sea.decide(ship, 1)
        await sea.decide(ship, 2, "LONG", position=LONG if ship == SHIP else FLAT)
    await sea.decide(SHIP, 3)
    await sea.decide(SHADOW, 3, "EXIT_LONG")
    await sea.decide(SHIP, 4, "LONG", stop="90")
    await sea.decide(SHADOW, 4, "LONG", stop="95.5")
    await sea.decide(SHIP, 5)

    found = await sea.db.read(compare, SHIP, SHADOW)

    assert (found.compared, found.same) == (4, 2)
    later, earlier = found.differences
    assert (later.ours.signals, later.shadow.signals) == (
        (Thought("LONG", "90", None),),
        (Thought("LONG", "95.5", None),),
    )
    assert (earlier.ours.outcome, earlier.shadow.outcome) == ("none", "signal")
