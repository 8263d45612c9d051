"""What the trading role leaves in a deployment's row."""

from control_plane.core.ids import DeploymentId, Shard
from control_plane.deployments import service
from control_plane.deployments.models.health import Failing
from control_plane.deployments.models.status import Order
from control_plane.deployments.service import Advance, Deployments, reconciling
from control_plane.infra.db import Database
from tests.unit.deployments.conftest import ME

ALL = frozenset(Shard(n) for n in range(64))
MINUTE = 60_000


def decided(deployment: DeploymentId, *failures: str | None, first: int = 0) -> list[Advance]:
    return [
        Advance(deployment, f"1m:{n * MINUTE}", n * MINUTE, None, "{}", failure)
        for n, failure in enumerate(failures, first)
    ]


async def test_failures_in_a_row_are_counted_until_a_decision_goes_well(
    deployments: Deployments, world: Database
) -> None:
    one = await deployments.deploy(ME, Order("good"))

    async def failing() -> Failing:
        (ship,) = await world.read(reconciling.ships, ALL)
        return ship.failing

    await world.write(service.advance, decided(one.id, None, "ValueError: a", "ValueError: b"))
    assert await failing() == Failing(2, "ValueError: b")

    await world.write(service.advance, decided(one.id, "ValueError: c", first=3))
    assert await failing() == Failing(3, "ValueError: c")

    await world.write(service.advance, decided(one.id, None, first=4))
    assert await failing() == Failing()


async def test_whoever_starts_it_again_forgives_its_failures(
    deployments: Deployments, world: Database
) -> None:
    one = await deployments.deploy(ME, Order("good"))
    await world.write(service.advance, decided(one.id, "ValueError: a"))
    await deployments.stop(ME, one.id)
    await deployments.start(ME, one.id)

    (ship,) = await world.read(reconciling.ships, ALL)
    assert ship.failing.decisions == 0
