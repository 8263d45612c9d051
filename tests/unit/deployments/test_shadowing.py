"""A new version beside the old one, and a deployment that is drained."""

import pytest
from sqlalchemy import update

from control_plane.core.ids import DeploymentId, Rng
from control_plane.deployments import service
from control_plane.deployments.errors import BadDeployment, NoSuchDeployment, WrongState
from control_plane.deployments.models.status import Change, Order
from control_plane.deployments.service import Deployments
from control_plane.deployments.service.rehearsing import Rehearsals
from control_plane.deployments.service.shadowing import Shadows
from control_plane.deployments.store.tables import deployments as rows
from control_plane.infra.db import Database
from control_plane.market import store as market
from control_plane.strategies.service import Strategies
from tests.fakes.strategies import check_here
from tests.unit.deployments.conftest import CODE, ME

GOOD = Order("good", name="night")
OTHER = CODE.replace("param(10,", "param(20,")
LONG = '{"side":"LONG","entry_price":1.0}'


async def stand(world: Database, one: DeploymentId, **values: object) -> None:
    await world.write(lambda tx: tx.run(update(rows).where(rows.c.id == one).values(**values)))


async def test_a_shadow_starts_where_the_other_stands(
    deployments: Deployments, world: Database, rng: Rng
) -> None:
    one = await deployments.deploy(ME, GOOD)
    await stand(world, one.id, state='{"n":3}', position=LONG, last_trigger="1m:60000", restarts=4)
    await Strategies(world, rng, check_here).upload(ME, "good", OTHER)

    shadow = await Shadows(deployments).begin(ME, one.id, Change("good", {"fast": 33}))

    assert (shadow.name, shadow.shadow_of) == ("night (shadow)", one.id)
    assert shadow.version_id != one.version_id
    assert shadow.parameters == {"fast": 33}
    assert (shadow.desired, shadow.observed, shadow.restarts) == ("running", "pending", 0)
    standing = (await world.read(service.standings, [shadow.id]))[shadow.id]
    assert (standing.state, standing.position, standing.last_trigger) == (
        '{"n":3}',
        LONG,
        "1m:60000",
    )
    assert (await deployments.get(ME, one.id)).version_id == one.version_id


async def test_promoting_it_changes_the_deployment_and_ends_the_shadow(
    deployments: Deployments, world: Database, rng: Rng
) -> None:
    one = await deployments.deploy(ME, GOOD)
    await Strategies(world, rng, check_here).upload(ME, "good", OTHER)
    shadow = await Shadows(deployments).begin(ME, one.id, Change("good", {"fast": 33}))

    after = await Shadows(deployments).promote(ME, one.id)

    assert (after.id, after.version_id, after.parameters) == (
        one.id,
        shadow.version_id,
        {"fast": 33},
    )
    assert [found.id for found in await deployments.list(ME)] == [one.id]


async def test_a_shadow_ends_with_what_it_stands_beside(deployments: Deployments) -> None:
    one = await deployments.deploy(ME, GOOD)
    await Shadows(deployments).begin(ME, one.id, Change())

    await deployments.delete(ME, one.id)

    assert await deployments.list(ME) == []


async def test_there_is_one_shadow_and_it_has_none(deployments: Deployments) -> None:
    one = await deployments.deploy(ME, GOOD)
    shadows = Shadows(deployments)
    with pytest.raises(NoSuchDeployment, match="'night' has no shadow"):
        await shadows.end(ME, one.id)
    shadow = await shadows.begin(ME, one.id, Change())

    with pytest.raises(WrongState, match="has a shadow already"):
        await shadows.begin(ME, one.id, Change())
    with pytest.raises(BadDeployment):
        await shadows.begin(ME, shadow.id, Change())
    await deployments.stop(ME, one.id)
    await shadows.end(ME, one.id)
    with pytest.raises(WrongState, match="nothing to decide beside"):
        await shadows.begin(ME, one.id, Change())


async def test_one_that_holds_nothing_is_drained_at_once(deployments: Deployments) -> None:
    one = await deployments.deploy(ME, GOOD)

    after = await deployments.drain(ME, one.id)

    assert (after.desired, after.draining) == ("stopped", False)
    with pytest.raises(WrongState, match="is stopped already"):
        await deployments.drain(ME, one.id)


async def test_one_that_holds_a_position_goes_on_until_that_is_closed(
    deployments: Deployments, world: Database
) -> None:
    one = await deployments.deploy(ME, GOOD)
    await stand(world, one.id, position=LONG)
    assert await Rehearsals(deployments).act(ME, one.id, "drain", Change()) == [
        "take no new position from it",
        "stop it once its own position is closed",
    ]

    during = await deployments.drain(ME, one.id)
    assert (during.desired, during.draining) == ("running", True)

    await world.write(service.end_drained, deployments.bus, {one.id})
    after = await deployments.get(ME, one.id)
    assert (after.desired, after.draining) == ("stopped", False)
    assert await world.read(market.wanted) == {}


async def test_whoever_starts_it_again_drains_it_no_more(
    deployments: Deployments, world: Database
) -> None:
    one = await deployments.deploy(ME, GOOD)
    await stand(world, one.id, position=LONG)
    await deployments.drain(ME, one.id)

    assert not (await deployments.start(ME, one.id)).draining
    await world.write(service.end_drained, deployments.bus, {one.id})
    assert (await deployments.get(ME, one.id)).desired == "running"


async def test_what_becomes_of_its_positions_is_changed_without_a_launch(
    deployments: Deployments, world: Database
) -> None:
    one = await deployments.deploy(ME, GOOD)

    async def revision() -> int:
        found = await world.read(lambda tx: tx.first(rows.select().where(rows.c.id == one.id)))
        assert found is not None
        return int(found.revision)

    before = await revision()
    after = await deployments.change(ME, one.id, Change(on_crash="flatten"))

    assert (one.on_crash, after.on_crash) == ("keep", "flatten")
    assert await revision() == before
    await deployments.restart(ME, one.id)
    assert await revision() == before + 1
