"""What people ask of deployments, and what is refused."""

from typing import Any

import pytest

from control_plane.core.ids import Rng, Tenant
from control_plane.deployments.errors import BadDeployment, NoSuchDeployment, WrongState
from control_plane.deployments.models.status import Change, Order
from control_plane.deployments.service import Deployments
from control_plane.errors import SlipwayError
from control_plane.infra import events
from control_plane.infra.db import Database
from control_plane.market import store as market
from control_plane.strategies.service import Strategies
from tests.fakes.strategies import check_here
from tests.unit.deployments.conftest import CODE, ME

GOOD = Order("good")


async def test_a_deployment_takes_what_is_left_out_from_its_version(
    deployments: Deployments,
) -> None:
    found = await deployments.deploy(ME, GOOD)

    assert (found.instrument, found.resolution) == ("spot:B-BTC_USDT", "1m")
    assert (found.parameters, found.memory_mb, found.cpus) == ({"fast": 10}, 512, 0.5)
    assert (found.desired, found.observed) == ("running", "pending")
    assert await deployments.list(ME) == [found]


async def test_what_is_typed_for_an_instrument_is_resolved(deployments: Deployments) -> None:
    found = await deployments.deploy(ME, Order("good", instrument="I-BTC_INR", resolution="1h"))

    assert (found.instrument, found.resolution) == ("spot:I-BTC_INR", "1h")


async def test_the_history_it_reads_is_wanted_until_it_stops(
    deployments: Deployments, world: Database
) -> None:
    found = await deployments.deploy(ME, GOOD)
    assert await world.read(market.wanted) == {("spot:B-BTC_USDT", "1m"): 200}

    await deployments.stop(ME, found.id)
    assert await world.read(market.wanted) == {}

    await deployments.start(ME, found.id)
    assert len(await world.read(market.wanted)) == 1

    await deployments.delete(ME, found.id)
    assert await world.read(market.wanted) == {}


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (Order("absent"), "strategy"),
        (Order("good", instrument="NOPE"), "instrument"),
        (Order("good", resolution="7m"), "resolution"),
        (Order("good", parameters={"fast": 1}), "parameters.fast"),
        (Order("good", parameters={"slow": 1}), "parameters.slow"),
        (Order("good", memory_mb=1), "memory_mb"),
        (Order("good", memory_mb=10**6), "memory_mb"),
        (Order("good", cpus=99.0), "cpus"),
        (Order("good", name=" "), "name"),
        (Order("good", name="a\x1bb"), "name"),
    ],
)
async def test_a_wrong_field_is_named(deployments: Deployments, order: Order, field: str) -> None:
    with pytest.raises(SlipwayError) as refused:
        await deployments.deploy(ME, order)

    assert refused.value.field == field


async def test_a_name_is_given_once(deployments: Deployments) -> None:
    first = await deployments.deploy(ME, Order("good", name="mine"))
    with pytest.raises(WrongState, match="'mine' already"):
        await deployments.deploy(ME, Order("good", name="mine"))

    await deployments.delete(ME, first.id)
    assert (await deployments.deploy(ME, Order("good", name="mine"))).id != first.id


async def test_names_that_nobody_gave_differ(deployments: Deployments) -> None:
    found = [await deployments.deploy(ME, GOOD) for _ in range(3)]

    assert [d.name for d in found] == [
        "good spot:B-BTC_USDT 1m",
        "good spot:B-BTC_USDT 1m 2",
        "good spot:B-BTC_USDT 1m 3",
    ]


async def test_another_s_deployment_is_not_there(deployments: Deployments) -> None:
    found = await deployments.deploy(ME, GOOD)

    with pytest.raises(NoSuchDeployment):
        await deployments.get(Tenant("you"), found.id)
    with pytest.raises(NoSuchDeployment):
        await deployments.stop(Tenant("you"), found.id)


async def test_each_wish_leads_where_it_may(deployments: Deployments, world: Database) -> None:
    found = await deployments.deploy(ME, GOOD)

    assert (await deployments.pause(ME, found.id)).desired == "paused"
    assert (await deployments.resume(ME, found.id)).desired == "running"
    assert (await deployments.stop(ME, found.id)).desired == "stopped"
    with pytest.raises(WrongState, match="is stopped; it cannot become paused"):
        await deployments.pause(ME, found.id)
    assert (await deployments.start(ME, found.id)).observed == "pending"

    kinds = [event["kind"] for event in await world.read(events.after, 0)]
    assert kinds.count("deployment_wanted") == 4


async def test_a_change_is_another_revision_and_keeps_other_values(
    deployments: Deployments,
) -> None:
    found = await deployments.deploy(ME, Order("good", parameters={"fast": 20}))

    changed = await deployments.change(ME, found.id, Change(memory_mb=256))
    assert (changed.parameters, changed.memory_mb) == ({"fast": 20}, 256)

    changed = await deployments.change(ME, found.id, Change(parameters={"fast": 30}))
    assert (changed.parameters, changed.memory_mb) == ({"fast": 30}, 256)


async def test_a_deployment_stays_with_its_strategy(
    deployments: Deployments, world: Database, rng: Rng
) -> None:
    await Strategies(world, rng, check_here).upload(ME, "other", CODE)
    found = await deployments.deploy(ME, GOOD)

    with pytest.raises(BadDeployment, match="stays with its strategy"):
        await deployments.change(ME, found.id, Change(strategy="other"))


async def test_parameters_that_a_new_version_dropped_fall_away(
    deployments: Deployments, world: Database, rng: Rng
) -> None:
    found = await deployments.deploy(ME, Order("good", parameters={"fast": 20}))
    await Strategies(world, rng, check_here).upload(ME, "good", CODE.replace("fast", "slow"))

    changed = await deployments.change(ME, found.id, Change(strategy="good"))

    parameters: dict[str, Any] = dict(changed.parameters)
    assert parameters == {"slow": 10}
