"""The intake's transactions where a database can fail or fill."""

import asyncio
import json
import threading
import time
from decimal import Decimal

import pytest
from sqlalchemy import func, insert, select

from control_plane.core.ids import DeploymentId, Shard
from control_plane.deployments import service as deployments
from control_plane.deployments.service import Launch
from control_plane.deployments.service.hearing import RUNS_KEPT
from control_plane.deployments.store.tables import runs
from control_plane.infra import audit, checkpoints
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, DatabaseUnavailable, Tx
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases, epochs_in
from control_plane.infra.leases import leases as lease_rows
from control_plane.infra.rng import SystemRng
from control_plane.signals.models.settling import Arrival
from control_plane.signals.service.recording import KEPT, Recorder
from control_plane.signals.store import tables
from control_plane.signals.worker.hearing import Channel, Inlet
from control_plane.signals.worker.settling import Mouth, Settler
from strategy_runtime.wire import messages
from tests.fakes import launches
from tests.fakes.launches import MINUTE

pytestmark = pytest.mark.db

SHIP, SISTER = DeploymentId("dp1"), DeploymentId("dp2")
OPEN = 29_000_000 * MINUTE


class Broken(Recorder):
    """Its database is away, for a while."""

    async def commit(self, arrivals: object) -> list[object]:  # type: ignore[override]
        raise DatabaseUnavailable("away")


@pytest.fixture
async def leases(database: Database) -> Leases:
    clock = RealClock()
    made = Leases("trading", "one", "", database, clock, Failpoints(clock), scale=20.0)
    await made.once()
    return made


@pytest.fixture
def bus() -> Bus:
    return Bus("unix:///nowhere", RealClock())  # nothing of this file needs a server


def _world(tx: Tx) -> None:
    launches.market_at(tx, OPEN + 1_000 * MINUTE)
    for ship in (SHIP, SISTER):
        launches.deployed(tx, ship)
        launches.launched(tx, ship)
        deployments.make_active(tx, ship, 1, f"1m:{OPEN}")


def _frame(n: int, minute: int) -> bytes:
    return messages.encode(
        messages.Execution(
            "run-00000001", n, f"1m:{OPEN + minute * MINUTE}", "none", 1, 1, 1, messages.Position()
        )
    )


def _count(tx: Tx, of: object) -> int:
    return int(tx.scalar(select(func.count()).select_from(of)))  # type: ignore[arg-type]


async def test_what_a_lost_database_did_not_take_is_kept_for_it(
    database: Database, leases: Leases, bus: Bus
) -> None:
    await database.write(_world)
    row = (await database.read(deployments.standings, [SHIP]))[SHIP]
    channel = Channel(Launch(SHIP, 1, row.shard, "running"), leases.epoch(row.shard), "running")
    inlet, points = Inlet(), Failpoints(leases.clock)
    for n in range(3):
        inlet.hear(channel, _frame(n, n), 1.0)

    broken = Broken(database, bus, SystemRng(), leases)
    with pytest.raises(DatabaseUnavailable):
        await Settler(inlet, broken, Mouth(bus), leases.clock, points).settle()
    assert (len(inlet.arrivals), channel.waiting) == (3, 3)

    whole = Recorder(database, bus, SystemRng(), leases)
    await Settler(inlet, whole, Mouth(bus), leases.clock, points).settle()
    assert (len(inlet.arrivals), channel.waiting) == (0, 0)
    assert await database.read(_count, tables.executions) == 3


async def test_a_group_of_many_deployments_is_one_transaction(
    database: Database, leases: Leases, bus: Bus
) -> None:
    await database.write(_world)
    found = await database.read(deployments.standings, [SHIP, SISTER])
    arrivals = []
    for n in range(100):
        for ship, standing in sorted(found.items()):
            frame = _frame(n, n)
            execution = messages.decode_up(frame)
            assert isinstance(execution, messages.Execution)
            epoch = leases.epoch(standing.shard)
            arrivals.append(Arrival(ship, 1, standing.shard, epoch, execution, frame))

    recorder = Recorder(database, bus, SystemRng(), leases)
    settled = await recorder.commit(arrivals)
    again = await recorder.commit(arrivals)

    assert {one.outcome for one in settled} == {"committed"}
    assert {one.outcome for one in again} == {"known"}
    after = await database.read(deployments.standings, [SHIP, SISTER])
    assert {one.last_trigger for one in after.values()} == {f"1m:{OPEN + 99 * MINUTE}"}


async def test_what_a_deployment_says_is_kept_up_to_a_bound(
    database: Database, leases: Leases, bus: Bus
) -> None:
    def fill(tx: Tx) -> None:
        base = {"deployment_id": SHIP, "generation": 1}
        line = {**base, "at_ms": 1, "level": "info", "text": "x"}
        tx.run(insert(tables.log_lines), [line] * (KEPT[0][1] + 300))
        tx.run(insert(tables.log_lines), [{**line, "deployment_id": SISTER}] * 10)
        seen = [
            {**base, "run": "run-00000001", "n": n, "outcome": "committed", "seen_ms": n}
            for n in range(KEPT[4][1] + 300)
        ]
        tx.run(insert(tables.inbox), seen)

    await database.write(_world)
    await database.write(fill)
    recorder = Recorder(database, bus, SystemRng(), leases)
    await recorder.forget([SHIP])

    assert await database.read(_count, tables.log_lines) == KEPT[0][1] + 10
    assert await database.read(_count, tables.inbox) == KEPT[4][1]
    oldest = await database.read(lambda tx: tx.scalar(select(func.min(tables.inbox.c.n))))
    assert oldest == 300


async def test_a_lease_cannot_be_taken_over_between_its_check_and_the_commit(
    database: Database, leases: Leases, bus: Bus
) -> None:
    """The other owner waits for our commit; what it reads afterwards holds what we wrote."""
    shards = {Shard(3), Shard(5)}
    order: list[str] = []
    is_checked = threading.Event()

    def check_and_write(tx: Tx) -> None:
        assert epochs_in(tx, "trading", "one", shards, tx.now_ms()) == {3: 1, 5: 1}
        is_checked.set()
        time.sleep(0.5)
        order.append("ours")

    def take_over(tx: Tx) -> None:
        is_checked.wait(5)
        tx.run(lease_rows.update().values(holder="two", epoch=2))
        order.append("theirs")

    async with asyncio.TaskGroup() as group:
        group.create_task(database.write(check_and_write))
        group.create_task(database.write(take_over))

    assert order == ["ours", "theirs"]
    assert await database.write(lambda tx: epochs_in(tx, "trading", "one", shards, 0)) == {}


async def test_runs_without_end_are_forgotten(database: Database) -> None:
    await database.write(_world)

    def hellos(tx: Tx) -> None:
        for k in range(RUNS_KEPT + 20):
            deployments.hear_hello(tx, f"run-{k:08}", SHIP, 1, welcomed=True)

    await database.write(hellos)
    assert await database.read(_count, runs) == RUNS_KEPT


async def test_u17_what_was_signalled_is_chained_with_it(
    database: Database, leases: Leases, bus: Bus
) -> None:
    """In the same transaction: a track record cannot be made up later."""
    await database.write(_world)
    standing = (await database.read(deployments.standings, [SHIP]))[SHIP]
    signals = (messages.Signal("EXIT_SHORT", Decimal(100)), messages.Signal("LONG", Decimal(100)))
    execution = messages.Execution(
        "run-00000001", 0, f"1m:{OPEN}", "signal", 1, 1, 1, messages.Position(), signals
    )
    epoch = leases.epoch(standing.shard)
    frame = messages.encode(execution)
    arrival = Arrival(SHIP, 1, standing.shard, epoch, execution, frame)

    await Recorder(database, bus, SystemRng(), leases).commit([arrival])

    chain = f"signals:{standing.shard}"
    entries = await database.read(lambda tx: list(audit.entries(tx, chain)))
    assert [json.loads(one.body)["action"] for one in entries] == ["EXIT_SHORT", "LONG"]
    assert await database.read(_count, tables.signals) == 2
    assert await database.read(checkpoints.verify, []) == (None, 2)
