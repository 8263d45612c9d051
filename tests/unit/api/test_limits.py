"""Whoever asks too often is told when to go on."""

import httpx
import pytest

from control_plane.core.ids import Rng
from control_plane.infra.db import Database
from tests.fakes.clock import FakeClock
from tests.fakes.site import World, make_world
from tests.unit.api.people import signed_in


@pytest.fixture
async def world(memory: Database, clock: FakeClock, rng: Rng) -> World:
    return await make_world(memory, clock, rng, http={"burst": 3, "requests_per_minute": 60})


@pytest.mark.attack("U12")
async def test_a_caller_has_so_many_requests_and_is_told(world: World, clock: FakeClock) -> None:
    ann = await signed_in(world, "ann")
    answers = [await ann.ask("GET", "/me") for _ in range(4)]
    await clock.advance(1)

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[-1].headers["retry-after"] == "1"
    assert answers[-1].json()["remedy"]
    assert (await ann.ask("GET", "/me")).status_code == 200


async def test_the_operator_of_this_machine_is_not_counted(operator: httpx.AsyncClient) -> None:
    statuses = {(await operator.get("/me")).status_code for _ in range(9)}

    assert statuses == {200}
