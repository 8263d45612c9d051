"""The client: what it sends, what it makes of answers, and when it sends again."""

import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from control_plane.client import AsyncClient, Client, Refused, calls, errors
from control_plane.client.call import Call
from control_plane.core.ids import Rng
from control_plane.errors import Missing, SlipwayError
from control_plane.infra.db import Database
from tests.fakes.clock import FakeClock
from tests.fakes.site import CODE, TOKEN, make_world

ADDRESS = "http://127.0.0.1:8000"
OPEN = calls.open_paper_account(name="a", currency="INR", amount=Decimal("10.50"))
Answered = tuple[int, Any, dict[str, str]]
DONE: Answered = (201, {"id": "ac1"}, {})


class Server:
    """Answers one after another; an exception is a connection that broke."""

    def __init__(self, *answers: Answered | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body, headers = answer
        return httpx.Response(status, json=body, headers=headers)

    def client(self) -> Client:
        return Client(
            ADDRESS, "slp_token", transport=httpx.MockTransport(self), sleep=self.slept.append
        )


def test_a_call_is_sent_with_what_it_was_given_and_nothing_else() -> None:
    server = Server((200, {"items": [], "next_cursor": None}, {}))

    with server.client() as slipway:
        slipway.send(calls.list_halts(active=True, limit=5))

    (asked,) = server.asked
    assert str(asked.url) == f"{ADDRESS}/api/v1/halts?limit=5&active=true"
    assert asked.headers["authorization"] == "Bearer slp_token"
    assert "idempotency-key" not in asked.headers


def test_money_goes_as_text_and_a_name_is_one_part_of_a_path() -> None:
    server = Server(DONE, (200, {}, {}))

    with server.client() as slipway:
        slipway.send(OPEN)
        slipway.send(calls.list_versions(name="a/b?c"))

    assert json.loads(server.asked[0].content)["amount"] == "10.50"
    assert server.asked[1].url.raw_path == b"/api/v1/strategies/a%2Fb%3Fc/versions"


def test_pages_are_gone_through_to_the_end() -> None:
    server = Server(
        (200, {"items": [{"id": "1"}, {"id": "2"}], "next_cursor": "c"}, {}),
        (200, {"items": [{"id": "3"}], "next_cursor": None}, {}),
    )

    with server.client() as slipway:
        found = [row["id"] for row in slipway.each(calls.list_signals(instrument="i"))]

    assert found == ["1", "2", "3"]
    assert dict(server.asked[1].url.params) == {"instrument": "i", "cursor": "c"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.Unauthenticated),
        (403, errors.Forbidden),
        (404, errors.Missing),
        (409, errors.Conflict),
        (412, errors.Stale),
        (413, errors.Invalid),
        (422, errors.Invalid),
        (418, Refused),
        (500, errors.Failed),
    ],
)
def test_a_refusal_is_an_error_of_its_kind(status: int, kind: type[Refused]) -> None:
    problem = {"detail": "No.", "field": "name", "remedy": "Ask.", "request_id": "rq1"}
    server = Server((status, problem, {}))

    with server.client() as slipway, pytest.raises(kind) as refused:
        slipway.send(OPEN)

    assert str(refused.value) == "No. Ask."
    assert (refused.value.status, refused.value.field) == (status, "name")
    assert refused.value.request_id == "rq1"
    assert len(server.asked) == 1


def test_an_error_is_also_one_of_the_five_kinds() -> None:
    assert issubclass(errors.Missing, Missing)
    assert all(issubclass(kind, SlipwayError) for kind in errors.BY_STATUS.values())


@pytest.mark.parametrize(
    "first",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("too long"),
        (503, {"detail": "The database does not answer."}, {}),
        (409, {"detail": "Under way."}, {"Retry-After": "1"}),
        (429, {"detail": "Too often."}, {"Retry-After": "7"}),
    ],
)
def test_what_may_have_been_lost_is_sent_again_with_the_same_key(
    first: Answered | Exception,
) -> None:
    server = Server(first, DONE)

    with server.client() as slipway:
        assert slipway.send(OPEN)["id"] == "ac1"

    keys = {asked.headers["idempotency-key"] for asked in server.asked}
    assert (len(server.asked), len(keys)) == (2, 1)
    after = first[2].get("Retry-After", "0.25") if isinstance(first, tuple) else "0.25"
    assert server.slept == [float(after)]


def test_two_calls_have_two_keys_unless_one_is_given() -> None:
    server = Server(DONE, DONE, DONE, DONE)

    with server.client() as slipway:
        for key in (None, None, "of yesterday's run", "of yesterday's run"):
            slipway.send(OPEN, key=key)

    keys = [asked.headers["idempotency-key"] for asked in server.asked]
    assert len(set(keys)) == 3
    assert keys[2] == keys[3] == "of yesterday's run"


def test_a_write_without_a_key_is_never_sent_twice() -> None:
    server = Server(httpx.ReadTimeout("too long"))

    with server.client() as slipway, pytest.raises(errors.Unreachable):
        slipway.send(calls.sign_in(email="ann@example.com", password="four quiet words"))

    assert len(server.asked) == 1


def test_what_stays_away_is_given_up() -> None:
    server = Server(*[httpx.ConnectError("refused")] * 9)

    with server.client() as slipway, pytest.raises(errors.Unreachable):
        slipway.send(calls.who_am_i())

    assert server.slept == [0.25, 0.5, 1.0, 2.0]


def test_what_asks_for_too_long_a_wait_is_told() -> None:
    server = Server((429, {"detail": "Too often."}, {"Retry-After": "900"}))

    with server.client() as slipway, pytest.raises(errors.Throttled) as throttled:
        slipway.send(calls.who_am_i())

    assert throttled.value.retry_seconds == 900


def test_no_token_is_seen_where_a_client_is_printed() -> None:
    with Server().client() as slipway:
        assert "slp_token" not in repr(vars(slipway))


@pytest.fixture
async def slipway(memory: Database, clock: FakeClock, rng: Rng) -> AsyncIterator[AsyncClient]:
    world = await make_world(memory, clock, rng)
    transport = httpx.ASGITransport(world.app)
    async with AsyncClient(ADDRESS, TOKEN, transport=transport) as client:
        yield client


async def test_a_real_server_answers_as_the_types_say(slipway: AsyncClient) -> None:
    version = await slipway.send(calls.upload_strategy(name="cross", code=CODE))
    ship = await slipway.send(calls.deploy(strategy=version["id"], parameters={"fast": 12}))
    tag = f'"{ship["revision"]}"'
    changed = await slipway.send(
        calls.change_deployment(deployment_id=ship["id"], memory_mb=128, if_match=tag)
    )

    assert changed["memory_mb"] == 128
    assert [row["id"] async for row in slipway.each(calls.list_deployments())] == [ship["id"]]
    with pytest.raises(errors.Stale):
        await slipway.send(
            calls.change_deployment(deployment_id=ship["id"], memory_mb=64, if_match=tag)
        )
    await slipway.send(calls.delete_deployment(deployment_id=ship["id"]))
    with pytest.raises(errors.Missing):
        await slipway.send(calls.get_deployment(deployment_id=ship["id"]))


async def test_under_asyncio_it_is_sent_again_just_so(rng: Rng) -> None:
    server = Server(httpx.ConnectError("refused"), DONE)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    transport = httpx.MockTransport(server)
    async with AsyncClient(ADDRESS, transport=transport, sleep=sleep) as client:
        assert (await client.send(OPEN))["id"] == "ac1"

    assert slept == [0.25]


def test_every_operation_makes_a_call() -> None:
    made: list[Callable[..., Call[Any]]] = [
        one
        for name, one in vars(calls).items()
        if callable(one) and one.__module__ == calls.__name__
    ]

    assert len(made) > 60
    assert all(one.__doc__ for one in made)
