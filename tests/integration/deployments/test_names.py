"""Names on real databases, where two may ask at the same moment."""

import asyncio

import pytest

from control_plane.core.ids import Rng
from control_plane.deployments.errors import WrongState
from control_plane.deployments.models.status import Order, Status
from control_plane.deployments.service import Deployments
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.market import store as market
from control_plane.market.models.catalogue import LISTINGS
from control_plane.settings import FleetSettings
from control_plane.strategies.service import Strategies
from tests.fakes.clock import FakeClock
from tests.fakes.strategies import check_here
from tests.unit.deployments.conftest import CODE, ME


@pytest.fixture
async def use(database: Database, rng: Rng, clock: FakeClock) -> Deployments:
    await database.write(market.list_instruments, [x.instrument for x in LISTINGS], "simulated")
    await Strategies(database, rng, check_here).upload(ME, "good", CODE)
    return Deployments(database, Bus("redis://127.0.0.1:1/0", clock), rng, FleetSettings())


async def at_once(use: Deployments, order: Order, times: int) -> list[Status | BaseException]:
    async def one() -> Status | BaseException:
        try:
            return await use.deploy(ME, order)
        except WrongState as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one()) for _ in range(times)]
    return [task.result() for task in tasks]


async def test_of_those_who_ask_for_one_name_at_once_one_gets_it(use: Deployments) -> None:
    found = await at_once(use, Order("good", name="night shift"), 6)

    assert sum(isinstance(one, Status) for one in found) == 1
    assert {str(one) for one in found if isinstance(one, WrongState)} == {
        "There is a deployment 'night shift' already."
    }


async def test_names_that_nobody_chose_are_numbered(use: Deployments) -> None:
    found = await at_once(use, Order("good"), 5)

    names = sorted(one.name for one in found if isinstance(one, Status))
    plain = "good spot:B-BTC_USDT 1m"
    assert names == [plain, *(f"{plain} {n}" for n in range(2, 6))]


async def test_the_name_of_a_deleted_one_is_free(use: Deployments) -> None:
    order = Order("good", name="night shift")
    first = await use.deploy(ME, order)
    await use.delete(ME, first.id)

    assert (await use.deploy(ME, order)).name == "night shift"
