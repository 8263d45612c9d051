"""Many at once, at the API, on both databases: of two that exclude each other one happens."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable

import httpx
import pytest

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.infra import schema
from control_plane.infra.db import Database, connect
from control_plane.infra.engines import Pool
from tests.fakes.site import World, make_world
from tests.unit.api.holdings import TERMS, author_holdings
from tests.unit.api.people import Person, signed_in

pytestmark = pytest.mark.db

AT_ONCE = 20


@pytest.fixture
async def db(database_url: str, real_clock: Clock) -> AsyncIterator[Database]:
    opened = connect(database_url, real_clock, pool=Pool(size=4, overflow=2))
    schema.upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
async def world(db: Database, real_clock: Clock, rng: Rng) -> World:
    return await make_world(db.behind_the_wall(), real_clock, rng)


@pytest.mark.attack("U4")
@pytest.mark.attack("T9")
async def test_of_many_at_once_one_happens(world: World, db: Database) -> None:
    ann = await signed_in(world, "ann", "author")
    held = await author_holdings(db, ann)
    deployment = held.ids["deployment_id"]

    # Two tabs renew at once: one successor, and both get it.
    renewed = await at_once([ann.renew() for _ in range(AT_ONCE)])
    assert {answer.status_code for answer in renewed} == {200}
    tokens = {answer.headers["set-cookie"].partition(";")[0] for answer in renewed}
    assert len(tokens) == 1

    money = {"name": "second", "currency": "USDT", "amount": "10000"}
    opened = await at_once([ann.ask("POST", "/accounts/paper", json=money) for _ in range(AT_ONCE)])
    assert Counter(answer.status_code for answer in opened) == {201: 1, 409: AT_ONCE - 1}
    account = next(answer.json()["id"] for answer in opened if answer.status_code == 201)

    body = {**TERMS, "deployment_id": deployment, "account_id": account}
    made = await at_once([ann.ask("POST", "/subscriptions", json=body) for _ in range(AT_ONCE)])
    assert Counter(answer.status_code for answer in made) == {201: 1, 409: AT_ONCE - 1}
    subscription = next(answer.json()["id"] for answer in made if answer.status_code == 201)

    path = f"/subscriptions/{subscription}/terms"
    seen = (await ann.ask("GET", f"/subscriptions/{subscription}")).headers["etag"]
    edits = await at_once([edit(ann, path, seen, number) for number in range(AT_ONCE)])
    assert Counter(answer.status_code for answer in edits)[200] == 1
    assert {answer.status_code for answer in edits} <= {200, 409, 412}

    pauses = await at_once(
        [ann.ask("POST", f"/subscriptions/{subscription}/pause") for _ in range(AT_ONCE)]
    )
    assert Counter(answer.status_code for answer in pauses)[200] == 1


async def edit(person: Person, path: str, seen: str, number: int) -> httpx.Response:
    headers = {"Authorization": f"Bearer {person.access}", "If-Match": seen}
    terms = {**TERMS, "risk": f"0.0{number + 1:02}"}
    return await person.client.put(path, json=terms, headers=headers)


async def at_once(asked: list[Awaitable[httpx.Response]]) -> list[httpx.Response]:
    async def one(which: Awaitable[httpx.Response]) -> httpx.Response:
        return await which

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(which)) for which in asked]
    return [task.result() for task in tasks]
