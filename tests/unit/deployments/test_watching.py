"""What containers print and use, bounded."""

from control_plane.containers.models import Handle, Printed
from control_plane.core.ids import Shard
from control_plane.deployments import service
from control_plane.deployments.models.status import Order
from control_plane.deployments.service import Beat, Deployments, launching, reconciling, watching
from control_plane.infra.db import Database
from strategy_runtime.wire import messages
from tests.fakes.clock import FakeClock
from tests.unit.deployments.conftest import ME

ALL = frozenset(Shard(n) for n in range(64))
SECOND = 1_000_000_000


async def test_lines_are_kept_in_order_and_once(deployments: Deployments, world: Database) -> None:
    one = await deployments.deploy(ME, Order("good"))
    lines = [Printed(n * SECOND, f"line {n}") for n in range(1, 4)]
    await world.write(watching.record_output, one.id, 1, lines[:2])
    await world.write(watching.record_output, one.id, 1, lines)

    found = await world.read(watching.output, one.id, after=None, grep=None, limit=10)

    assert [line.text for line in found] == ["line 1", "line 2", "line 3"]


async def test_output_is_followed_by_its_numbers(deployments: Deployments, world: Database) -> None:
    one = await deployments.deploy(ME, Order("good"))
    await world.write(watching.record_output, one.id, 1, [Printed(1, "old")])
    last = (await world.read(watching.output, one.id, after=None, grep=None, limit=10))[-1]
    await world.write(watching.record_output, one.id, 1, [Printed(2, "new")])

    found = await world.read(watching.output, one.id, after=last.number, grep=None, limit=10)

    assert [line.text for line in found] == ["new"]


async def test_a_search_takes_its_text_as_it_is(deployments: Deployments, world: Database) -> None:
    one = await deployments.deploy(ME, Order("good"))
    lines = [Printed(1, "100% Sure"), Printed(2, "100 surely")]
    await world.write(watching.record_output, one.id, 1, lines)

    found = await world.read(watching.output, one.id, after=None, grep="0% s", limit=10)

    assert [line.text for line in found] == ["100% Sure"]


async def test_old_output_makes_room(deployments: Deployments, world: Database) -> None:
    one = await deployments.deploy(ME, Order("good"))
    for start in range(0, watching.LINES_KEPT + 400, 200):
        lines = [Printed(start + n + 1, str(start + n)) for n in range(200)]
        await world.write(watching.record_output, one.id, 1, lines)

    found = await world.read(watching.output, one.id, after=0, grep=None, limit=10_000)

    assert len(found) == watching.LINES_KEPT
    assert found[0].text == "400"


async def test_a_minute_has_one_point_and_a_day_is_kept(
    deployments: Deployments, world: Database, clock: FakeClock
) -> None:
    one = await deployments.deploy(ME, Order("good"))
    opened = await world.write(launching.open_generation, deployments.bus, one.id, "00")
    assert opened is not None
    await world.write(reconciling.record_live, one.id, 1, Handle("made"), "docker")
    await world.write(service.hear_hello, "run", one.id, 1, welcomed=True)
    await world.write(service.make_active, one.id, 1, "1m:0")
    for minute in range(3):
        now = int(clock.now().timestamp() * 1000)
        beat = messages.Heartbeat("run", now, "running", None, 7, 1, 50_000_000, minute * 6.0, 0)
        await world.write(service.hear_beats, [Beat(one.id, 1, now, beat)])
        assert await world.write(watching.measure, ALL) == 1
        assert await world.write(watching.measure, ALL) == 1
        await clock.advance(60)

    points, hint = await deployments.vitals(ME, one.id)

    assert [point.cpus for point in points] == [None, 0.1, 0.1]
    assert {point.memory_bytes for point in points} == {50_000_000}
    assert hint is None
    await clock.advance(25 * 3600)
    await world.write(watching.measure, ALL)
    assert await deployments.vitals(ME, one.id) == ([], None)
