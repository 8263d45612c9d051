"""A write with a key happens once, whatever becomes of its answer."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from control_plane.core.ids import Rng, Tenant
from control_plane.infra import idempotency
from control_plane.infra.db import Database
from control_plane.infra.idempotency import KEPT_MS, LEASE_MS
from tests.fakes.clock import FakeClock
from tests.fakes.dying import Died, DyingDatabase
from tests.fakes.site import World, make_world
from tests.unit.api.people import Person, signed_in

KEY = {"Idempotency-Key": "0d3c5a0e-4d7c-4b0f-9d57"}
PAPER = {"name": "practice", "currency": "INR", "amount": "1000"}


@pytest.fixture
def dying(memory: Database) -> DyingDatabase:
    return DyingDatabase(memory.engine, memory.clock, None, None)


@pytest.fixture
async def world(dying: DyingDatabase, clock: FakeClock, rng: Rng) -> World:
    return await make_world(dying, clock, rng)


async def opened(client: httpx.AsyncClient, **change: Any) -> httpx.Response:
    return await client.post("/accounts/paper", json={**PAPER, **change}, headers=KEY)


async def test_the_first_answer_is_given_again(operator: httpx.AsyncClient) -> None:
    first, again = await opened(operator), await opened(operator)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert len((await operator.get("/accounts")).json()["items"]) == 1


async def test_a_refusal_is_an_answer_too(operator: httpx.AsyncClient) -> None:
    await operator.post("/accounts/paper", json=PAPER)

    first, again = await opened(operator), await opened(operator)

    assert (first.status_code, again.status_code) == (409, 409)
    assert first.content == again.content


@pytest.mark.parametrize("change", [{"amount": "1001"}, {"name": "other"}])
async def test_another_request_with_the_key_is_refused(
    operator: httpx.AsyncClient, change: dict[str, str]
) -> None:
    await opened(operator)

    answer = await opened(operator, **change)

    assert answer.status_code == 422
    assert answer.json()["field"] == "Idempotency-Key"
    assert answer.json()["remedy"]


async def test_a_request_of_the_wrong_shape_does_not_use_the_key_up(
    operator: httpx.AsyncClient,
) -> None:
    wrong, right = await opened(operator, amount="lots"), await opened(operator)

    assert (wrong.status_code, right.status_code) == (422, 201)


@pytest.mark.parametrize("key", ["short", "x" * 101, "with a space in it"])
async def test_a_key_that_cannot_be_is_refused(operator: httpx.AsyncClient, key: str) -> None:
    answer = await operator.post("/accounts/paper", json=PAPER, headers={"Idempotency-Key": key})

    assert answer.status_code == 422
    assert answer.json()["field"] == "Idempotency-Key"


async def test_two_people_may_choose_the_same_key(world: World) -> None:
    answers = [
        await person.client.post(
            "/accounts/paper",
            json=PAPER,
            headers={**KEY, "Authorization": f"Bearer {person.access}"},
        )
        for person in (await signed_in(world, "ann"), await signed_in(world, "bob"))
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_while_the_first_is_under_way_the_second_waits(
    operator: httpx.AsyncClient, dying: DyingDatabase
) -> None:
    await killed_after(dying, 2, opened(operator))

    answer = await opened(operator)

    assert answer.status_code == 409
    assert answer.headers["retry-after"] == "1"
    assert len((await operator.get("/accounts")).json()["items"]) == 1


async def test_killed_before_its_commit_it_is_carried_out_by_the_repeat(
    operator: httpx.AsyncClient, dying: DyingDatabase, clock: FakeClock
) -> None:
    await killed_after(dying, 1, opened(operator))
    assert (await operator.get("/accounts")).json()["items"] == []
    await clock.advance(LEASE_MS / 1000)

    answer = await opened(operator)

    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers


async def test_killed_between_its_commit_and_its_reply_the_repeat_hears_the_answer(
    operator: httpx.AsyncClient, dying: DyingDatabase, clock: FakeClock
) -> None:
    await killed_after(dying, 2, opened(operator))
    await clock.advance(LEASE_MS / 1000)

    answer = await opened(operator)

    (there,) = (await operator.get("/accounts")).json()["items"]
    assert answer.status_code == 201
    assert answer.headers["idempotency-replayed"] == "true"
    assert answer.json() == there


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/tokens", {"name": "night", "scopes": ["read"]}),
        ("POST", "/me/second-factor", None),
        ("POST", "/invitations", {"email": "new@example.com"}),
        ("POST", "/halts", {"scope": "platform", "reason": "look"}),
        ("POST", "/accounts/live", {"name": "main"}),
    ],
)
async def test_what_is_foreseen_in_the_transaction_is_what_would_have_been_said(
    world: World,
    dying: DyingDatabase,
    clock: FakeClock,
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    boss = await signed_in(world, "boss", "admin")
    headers = {**KEY, "Authorization": f"Bearer {boss.access}"}

    async def ask() -> httpx.Response:
        return await boss.client.request(method, path, json=body, headers=headers)

    await killed_after(dying, 2, ask())
    await clock.advance(LEASE_MS / 1000)

    answer = await ask()

    assert answer.is_success, answer.text
    assert answer.headers["idempotency-replayed"] == "true"


async def test_an_attempt_that_lost_its_key_writes_nothing(dying: DyingDatabase, rng: Rng) -> None:
    trying = idempotency.attempt(Tenant("usann"), KEY["Idempotency-Key"], "same", rng)
    await dying.write(idempotency.begin, trying)
    other = replace(trying, run="another")

    with pytest.raises(idempotency.GivenUp):
        await dying.write(idempotency.note, other, None)


async def test_what_failed_may_be_tried_again(
    operator: httpx.AsyncClient, world: World, dying: DyingDatabase
) -> None:
    object.__setattr__(world.services.accounts, "db", None)  # a bug: a 500
    failed = await opened(operator)
    object.__setattr__(world.services.accounts, "db", dying)

    answer = await opened(operator)

    assert failed.status_code == 500
    assert answer.status_code == 201


async def test_after_a_day_a_key_is_forgotten(
    operator: httpx.AsyncClient, dying: DyingDatabase, clock: FakeClock
) -> None:
    await opened(operator)
    assert await dying.write(idempotency.sweep) == 0
    await clock.advance(KEPT_MS / 1000)

    answer = await opened(operator, name="other")

    assert answer.status_code == 201
    await clock.advance(KEPT_MS / 1000)
    assert await dying.write(idempotency.sweep) == 1


async def test_no_answer_can_be_read_in_the_table(world: World, dying: DyingDatabase) -> None:
    boss: Person = await signed_in(world, "boss", "admin")
    made = await boss.client.post(
        "/tokens",
        json={"name": "night", "scopes": ["read"]},
        headers={**KEY, "Authorization": f"Bearer {boss.access}"},
    )

    rows = await dying.read(lambda tx: tx.all(idempotency.keys.select()))

    assert made.status_code == 201
    assert made.json()["token"].encode() not in b"".join(row.answer for row in rows)
    assert KEY["Idempotency-Key"] not in str(rows)


async def killed_after(dying: DyingDatabase, commits: int, asking: Any) -> None:
    """Its own note of having begun is the first commit."""
    dying.commits_left = commits
    with pytest.raises(Died):
        await asking
    dying.commits_left = -1
