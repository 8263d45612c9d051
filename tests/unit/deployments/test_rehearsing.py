"""What would happen, told without doing it."""

import pytest

from control_plane.containers.models import Handle
from control_plane.core.ids import Rng
from control_plane.deployments.errors import BadDeployment, WrongState
from control_plane.deployments.models.status import Change, Order
from control_plane.deployments.service import Deployments, launching, reconciling
from control_plane.deployments.service.rehearsing import Rehearsals
from control_plane.infra.db import Database
from control_plane.infra.paging import Asked
from control_plane.strategies.service import Strategies
from tests.fakes.strategies import check_here
from tests.unit.deployments.conftest import CODE, ME

GOOD = Order("good")
OTHER = CODE.replace("param(10,", "param(20,")


async def launch(use: Deployments, world: Database, deployment: str) -> int:
    """As the fleet does it, without an engine."""
    found = await use.get(ME, deployment)
    opened = await world.write(launching.open_generation, use.bus, found.id, "00")
    assert opened is not None
    await world.write(
        reconciling.record_live, found.id, opened.generation, Handle("made"), "docker"
    )
    return opened.generation


async def test_a_deployment_can_be_planned_without_being_made(deployments: Deployments) -> None:
    steps = await Rehearsals(deployments).deploy(ME, GOOD)

    assert len(steps) == 1
    assert steps[0].startswith("launch generation 1 of version ")
    assert steps[0].endswith("on spot:B-BTC_USDT 1m, with 512 MB and 0.5 CPUs")
    assert await deployments.list(ME) == []


async def test_a_plan_refuses_what_would_be_refused(deployments: Deployments) -> None:
    with pytest.raises(BadDeployment):
        await Rehearsals(deployments).deploy(ME, Order("good", memory_mb=1_000_000))


async def test_a_change_is_planned_as_a_hand_over(
    deployments: Deployments, world: Database
) -> None:
    one = await deployments.deploy(ME, GOOD)
    await launch(deployments, world, one.id)

    steps = await Rehearsals(deployments).act(ME, one.id, "change", Change(memory_mb=256))

    assert "launch generation 2" in steps[0]
    assert "with 256 MB" in steps[0]
    assert "beside the present one" in steps[0]
    assert steps[1].startswith("stop generation 1 (a newer generation took over)")
    assert (await deployments.get(ME, one.id)).memory_mb == 512


async def test_a_stop_is_planned_as_one(deployments: Deployments, world: Database) -> None:
    one = await deployments.deploy(ME, GOOD)
    await launch(deployments, world, one.id)

    steps = await Rehearsals(deployments).act(ME, one.id, "stop", Change())

    assert steps == ["stop generation 1 (stopped as asked); it may hand in what it decided"]
    assert (await deployments.get(ME, one.id)).desired == "running"


async def test_rolling_back_takes_the_version_before_with_its_parameters(
    deployments: Deployments, world: Database, rng: Rng
) -> None:
    one = await deployments.deploy(ME, Order("good", parameters={"fast": 15}))
    await launch(deployments, world, one.id)
    await Strategies(world, rng, check_here).upload(ME, "good", OTHER)
    upgraded = await deployments.change(ME, one.id, Change("good", {"fast": 33}))
    await launch(deployments, world, one.id)

    back = await deployments.roll_back(ME, one.id)

    assert upgraded.version_id != one.version_id
    assert (back.version_id, back.parameters) == (one.version_id, {"fast": 15})


async def test_there_must_be_a_version_before(deployments: Deployments, world: Database) -> None:
    one = await deployments.deploy(ME, GOOD)
    await launch(deployments, world, one.id)

    with pytest.raises(WrongState, match="has run no other version"):
        await deployments.roll_back(ME, one.id)


async def test_each_state_and_its_reason_can_be_read_again(
    deployments: Deployments, world: Database
) -> None:
    one = await deployments.deploy(ME, GOOD)
    await launch(deployments, world, one.id)
    await world.write(reconciling.observe, one.id, "crash_loop", "5 crashes within 10 min")

    found = await deployments.history(ME, one.id, Asked())

    kinds = [row.kind for row in found.rows]
    assert kinds[0] == "deployment_observed"
    assert "5 crashes within 10 min" in found.rows[0].body
    assert "generation_launched" in kinds
    assert kinds[-1] == "deployment_created"
