"""The whole API in process: real services over a database in memory, no socket."""

from collections.abc import AsyncIterator

import httpx
import pytest

from control_plane.core.ids import Rng
from control_plane.infra.db import Database
from tests.fakes.clock import FakeClock
from tests.fakes.site import CODE, TOKEN, World, make_world

ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture
async def world(memory: Database, clock: FakeClock, rng: Rng) -> World:
    return await make_world(memory, clock, rng)


@pytest.fixture
async def anybody(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(world.app)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        yield client


@pytest.fixture
async def operator(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(world.app),
        base_url=f"{ADDRESS}/api/v1",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:
        yield client


@pytest.fixture
async def deployed(operator: httpx.AsyncClient) -> str:
    """The id of a deployment of an uploaded strategy."""
    uploaded = await operator.post("/strategies", json={"name": "cross", "code": CODE})
    assert uploaded.status_code == 201, uploaded.text
    made = await operator.post("/deployments", json={"strategy": "cross", "name": "night"})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


@pytest.fixture
async def account(operator: httpx.AsyncClient) -> str:
    """The id of a paper account."""
    body = {"name": "practice", "currency": "USDT", "amount": "10000"}
    return str((await operator.post("/accounts/paper", json=body)).json()["id"])
