"""A write with a key, on both databases, as the api role runs: behind the second wall."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from control_plane.core.ids import Rng
from control_plane.infra import schema
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, connect
from control_plane.infra.engines import Pool
from tests.fakes.site import World, make_world
from tests.unit.api.people import Person, signed_in

pytestmark = pytest.mark.db

KEY = "0d3c5a0e-4d7c-4b0f-9d57"
PAPER = {"name": "practice", "currency": "INR", "amount": "1000"}


@pytest.fixture
async def world(database_url: str, rng: Rng) -> AsyncIterator[World]:
    database = connect(database_url, RealClock(), pool=Pool(size=4, overflow=2))
    await asyncio.to_thread(schema.upgrade, database)
    walled: Database = database.behind_the_wall()
    yield await make_world(walled, RealClock(), rng)
    database.close()


async def _open(person: Person, name: str = "practice") -> httpx.Response:
    headers = {"Authorization": f"Bearer {person.access}", "Idempotency-Key": KEY}
    body = {**PAPER, "name": name}
    return await person.client.post("/accounts/paper", json=body, headers=headers)


async def test_many_repeats_at_once_open_one_account(world: World) -> None:
    ann, bob = await signed_in(world, "ann"), await signed_in(world, "bob")
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(_open(ann)) for _ in range(8)]
    statuses = {task.result().status_code for task in asked}
    again, reused, bobs = await _open(ann), await _open(ann, "other"), await _open(bob)

    assert statuses <= {201, 409}
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert reused.status_code == 422
    assert (bobs.status_code, bobs.json()["id"] != again.json()["id"]) == (201, True)
    assert len((await ann.ask("GET", "/accounts")).json()["items"]) == 1
