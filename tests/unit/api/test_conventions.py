"""What holds for every route: a new one that breaks a convention fails here by its name."""

import json
import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from control_plane import web
from control_plane.cli.main import app as command
from control_plane.infra.http_document import operations
from tests.unit.api.test_routes import DOORS

DOCUMENT = web.document()
OPERATIONS = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, method, operation in operations(DOCUMENT)
]
every_route = pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)


def _parameters(operation: dict[str, Any]) -> dict[str, Any]:
    known = DOCUMENT["components"]["parameters"]
    found = [
        known.get(one.get("$ref", "").rsplit("/", 1)[-1], one) for one in operation["parameters"]
    ]
    return {one["name"]: one for one in found}


def test_each_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations(DOCUMENT)]

    assert sorted(names) == sorted(set(names)), "name the route's function by verb and thing"
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []


@every_route
def test_a_route_says_what_it_does_and_shows_what_it_takes_and_answers(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    contents = [operation.get("requestBody", {}), *operation["responses"].values()]

    assert operation["description"].strip()
    for content in contents:
        for kind in content.get("content", {}).values():
            assert "example" in kind


@every_route
def test_a_route_names_every_refusal_that_it_may_answer_with(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    told = operation["responses"].keys()

    assert {"401", "403", "429", "500", "503"} <= told
    assert "4XX" not in told
    assert "requestBody" not in operation or {"400", "413", "422"} <= told
    assert "{" not in path or "404" in told


@every_route
def test_a_read_can_be_spared_and_a_write_repeated(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    named = _parameters(operation)
    is_door = f"{method.upper()} {path}" in DOORS
    is_read = method == "get" and "303" not in operation["responses"]

    assert ("If-None-Match" in named) == is_read
    assert ("Idempotency-Key" in named) == (method != "get" and not is_door)


SERIES = {"list_candles"}  # a window of a series, always up to its newest


def test_every_list_is_taken_in_pages_sorted_and_filtered_by_names_of_its_rows() -> None:
    shapes = DOCUMENT["components"]["schemas"]
    for _, _, operation in operations(DOCUMENT):
        content = operation["responses"].get("200", {}).get("content", {})
        name = content.get("application/json", {}).get("schema", {}).get("$ref", "").rsplit("/")[-1]
        if not name.startswith("Items_") or operation["operationId"] in SERIES:
            continue
        row = shapes[name]["properties"]["items"]["items"]["$ref"].rsplit("/")[-1]
        asked = {n for n, one in _parameters(operation).items() if one["in"] == "query"}

        assert {"limit", "cursor", "sort"} <= asked, operation["operationId"]
        filters = asked - {"limit", "cursor", "sort", "everybody"}
        assert filters <= shapes[row]["properties"].keys(), operation["operationId"]


@every_route
def test_names_are_snake_case(path: str, method: str, operation: dict[str, Any]) -> None:
    fields = {
        name
        for shape in DOCUMENT["components"]["schemas"].values()
        for name in shape.get("properties", {})
    }
    asked = {name for name, one in _parameters(operation).items() if one["in"] in {"query", "path"}}

    assert {name for name in fields | asked if not re.fullmatch(r"[a-z0-9_]+", name)} == set()


def test_what_is_edited_in_place_can_be_edited_on_what_one_saw() -> None:
    edits = {
        f"{method.upper()} {path}": "If-Match" in _parameters(operation)
        for path, method, operation in operations(DOCUMENT)
        if method in {"put", "patch"}
    }

    # A role is one word: there is nothing to be overwritten unseen.
    assert {name for name, does in edits.items() if not does} == {"PUT /api/v1/users/{user}/role"}


def test_the_document_is_that_of_a_running_server(app: FastAPI) -> None:
    assert json.dumps(app.openapi()) == json.dumps(DOCUMENT)


def test_the_command_prints_the_document() -> None:
    said = CliRunner().invoke(command, ["openapi"])

    assert json.loads(said.output)["paths"].keys() == DOCUMENT["paths"].keys()


@pytest.fixture
def app(world: Any) -> FastAPI:
    found: FastAPI = world.app
    return found


async def test_what_is_known_already_is_not_sent_again(
    operator: httpx.AsyncClient, deployed: str
) -> None:
    path = f"/deployments/{deployed}"
    tag = (await operator.get(path)).headers["etag"]

    again = await operator.get(path, headers={"If-None-Match": tag})
    other = await operator.get(path, headers={"If-None-Match": '"1-0000"'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert other.status_code == 200
    assert re.fullmatch(r'"1-[0-9a-f]{16}"', tag)


async def test_an_edit_stands_on_what_its_author_saw(
    operator: httpx.AsyncClient, deployed: str
) -> None:
    path = f"/deployments/{deployed}"
    tag = (await operator.get(path)).headers["etag"]
    change = {"parameters": {"fast": 20}}

    first = await operator.patch(path, json=change, headers={"If-Match": tag})
    second = await operator.patch(path, json=change, headers={"If-Match": tag})
    third = await operator.patch(path, json=change, headers={"If-Match": second.headers["etag"]})

    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    assert (second.status_code, second.headers["etag"]) == (412, '"2"')
    assert second.json()["field"] == "If-Match"
    assert third.status_code == 200


@pytest.mark.parametrize("given", ["*", '"7", "1"', '"1-abc"'])
async def test_any_of_several_tags_will_do(
    operator: httpx.AsyncClient, deployed: str, given: str
) -> None:
    body = {"memory_mb": 128}
    answer = await operator.patch(
        f"/deployments/{deployed}", json=body, headers={"If-Match": given}
    )

    assert answer.status_code == 200


@pytest.mark.parametrize(("given", "status"), [("7", 422), ('"abc"', 412)])
async def test_a_tag_that_is_none_of_ours_fits_nothing(
    operator: httpx.AsyncClient, deployed: str, given: str, status: int
) -> None:
    answer = await operator.patch(f"/deployments/{deployed}", json={}, headers={"If-Match": given})

    assert answer.status_code == status
