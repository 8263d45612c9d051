"""The edge, driven in process: what gets in, and how a refusal leaves."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import HTTPConnection

from control_plane.core.ids import Tenant
from control_plane.errors import Conflict, Missing, Unavailable
from control_plane.infra.db import Database
from control_plane.infra.http import HttpOptions, create_app
from control_plane.infra.http_callers import Caller, Me
from control_plane.infra.http_edge import HostNames
from control_plane.infra.http_refusals import Unauthenticated
from control_plane.infra.http_shapes import Body
from control_plane.infra.rng import SeededRng
from tests.fakes.clock import FakeClock


class Note(Body):
    text: str
    count: int = 1


def _routes() -> APIRouter:
    router = APIRouter()

    @router.get("/me")
    async def who(me: Me) -> dict[str, str]:
        return {"name": me.name}

    @router.post("/notes", status_code=201)
    async def write(body: Note) -> Note:
        return body

    @router.get("/refusals/{kind}")
    async def refuse(kind: str) -> None:
        kinds = {"missing": Missing, "conflict": Conflict, "unavailable": Unavailable}
        raise kinds[kind](f"It is {kind}.", field="thing", remedy="Do something.")

    return router


def _pages() -> APIRouter:
    router = APIRouter()

    @router.get("/")
    async def page() -> dict[str, bool]:
        return {"page": True}

    return router


async def _authenticate(request: HTTPConnection) -> Caller:
    if request.headers.get("authorization") != "Bearer right":
        raise Unauthenticated("Nobody is signed in.", remedy="Sign in.")
    return Caller(Tenant("us1"), "ann")


@pytest.fixture
def app(memory: Database, clock: FakeClock) -> FastAPI:
    return create_app(
        routers=[_routes()],
        pages=[_pages()],
        authenticate=_authenticate,
        db=memory,
        clock=clock,
        rng=SeededRng(1),
        options=HttpOptions(HostNames(frozenset({"slipway.example"})), max_body_bytes=500),
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://127.0.0.1:8000",
        headers={"Authorization": "Bearer right"},
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("kind", "status"), [("missing", 404), ("conflict", 409), ("unavailable", 503)]
)
async def test_a_refusal_leaves_as_problem_details(
    client: httpx.AsyncClient, kind: str, status: int
) -> None:
    answer = await client.get(f"/api/v1/refusals/{kind}")

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": f"urn:slipway:{kind}",
        "title": kind.title(),
        "status": status,
        "detail": f"It is {kind}.",
        "field": "thing",
        "remedy": "Do something.",
        "request_id": answer.headers["x-request-id"],
    }


async def test_a_bug_says_nothing_but_its_request(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/refusals/of-nobody-knows-what")

    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "of-nobody" not in answer.text


async def test_every_route_below_the_api_asks_who_it_is(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/notes", json={}, headers={"Authorization": "Bearer wrong"})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_a_wrong_type_is_refused_by_its_field(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/notes", json={"text": "a", "count": "many"})

    assert answer.status_code == 422
    assert answer.json()["field"] == "count"
    assert "integer" in answer.json()["detail"]


@pytest.mark.attack("U2")
async def test_an_unknown_field_is_refused_by_its_name(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/notes", json={"text": "a", "is_admin": True})

    assert answer.status_code == 422
    assert answer.json()["detail"] == "There is no field 'is_admin' here."


async def test_all_findings_are_listed_at_once(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/notes", json={"count": "many"})

    assert {found["field"] for found in answer.json()["errors"]} == {"text", "count"}


async def test_a_body_that_is_no_json_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/api/v1/notes", content=b"{", headers={"content-type": "application/json"}
    )

    assert answer.status_code == 422
    assert answer.json()["detail"] == "The body is no JSON."


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/no", 404), ("PUT", "/", 405)])
async def test_a_wrong_address_is_a_problem_too(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)

    assert answer.status_code == status
    assert answer.json()["remedy"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "192.168.1.7", "slipway.example"]
)
async def test_known_names_and_bare_addresses_are_answered(
    client: httpx.AsyncClient, host: str
) -> None:
    assert (await client.get("/", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil"])
@pytest.mark.attack("U14")
async def test_a_rebound_name_is_turned_away(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.get("/", headers={"Host": host})

    assert answer.status_code == 421
    assert "SLIPWAY_HTTP__HOSTS" in answer.json()["remedy"]


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}]
)
@pytest.mark.attack("U6")
async def test_a_foreign_page_changes_nothing(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post("/api/v1/notes", json={"text": "a"}, headers=headers)

    assert answer.status_code == 403


async def test_our_own_page_may_write(client: httpx.AsyncClient) -> None:
    headers = {"Origin": "http://127.0.0.1:8000"}
    answer = await client.post("/api/v1/notes", json={"text": "a"}, headers=headers)

    assert answer.status_code == 201


@pytest.mark.attack("U14")
async def test_a_large_body_is_refused_by_its_declared_size(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/notes", json={"text": "a" * 1000})

    assert answer.status_code == 413


@pytest.mark.attack("U14")
async def test_a_large_body_is_refused_while_it_streams(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b'"' + b"a" * 100

    answer = await client.post("/api/v1/notes", content=endless())

    assert answer.status_code == 413


@pytest.mark.attack("U7")
@pytest.mark.attack("U8")
async def test_every_answer_is_dressed_for_browsers(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")

    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
