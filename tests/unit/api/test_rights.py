"""Every route × every role × one's own or another's: what the table of rights says is what happens.

A route that the table does not name fails here, and answers nobody but the operator.
"""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from control_plane.core.ids import Rng
from control_plane.infra.db import Database
from control_plane.infra.http_edge import PREFIX
from control_plane.sessions.models.rights import RIGHTS, ROLES, SCOPES, reaches
from tests.fakes.clock import FakeClock
from tests.fakes.site import World, make_world
from tests.unit.api.people import Person, signed_in
from tests.unit.api.test_routes import DOORS

FORBIDDEN = 403
# A live connection is no part of OpenAPI: tests/integration/live tries who gets in.
OVER_HTTP = {name: right for name, right in RIGHTS.items() if not name.startswith("WEBSOCKET ")}


def routes(app: FastAPI) -> Iterator[str]:
    for path, verbs in app.openapi()["paths"].items():
        for verb in verbs:
            if f"{verb.upper()} {path}" not in DOORS:
                yield f"{verb.upper()} {path.removeprefix(PREFIX)}"


def test_every_route_has_a_row_and_every_row_a_route(world: World) -> None:
    assert set(routes(world.app)) == set(OVER_HTTP)


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_reaches_what_the_table_says_and_nothing_else(world: World, role: str) -> None:
    for name in OVER_HTTP:
        somebody = await signed_in(world, f"{role}{abs(hash(name))}", role)
        status = await tried(somebody, name)

        assert (status == FORBIDDEN) == (not reaches(role, RIGHTS[name])), f"{role} {name}"


async def test_an_api_token_reaches_what_its_scope_says_and_nothing_else(world: World) -> None:
    boss = await signed_in(world, "boss", "admin")
    for scope in SCOPES:
        body = {"name": scope, "scopes": [scope]}
        text = (await boss.ask("POST", "/tokens", json=body)).json()["token"]
        program = Person(boss.client, boss.id, boss.email, access=text)
        for name, right in OVER_HTTP.items():
            status = await tried(program, name)

            assert (status == FORBIDDEN) == (right.scope != scope), f"{scope} {name}"


async def test_anothers_thing_is_as_missing_as_none(
    world: World, deployed: str, account: str
) -> None:
    """Those of the operator's user, asked for by an author and by another admin."""
    strategy = {"strategy_id": "cross", "name": "cross"}
    known = {"deployment_id": deployed, "account_id": account, **strategy}
    for role in ("author", "admin"):
        other = await signed_in(world, f"other{role}", role)
        for name in OVER_HTTP:
            method, path = name.split(" ")
            if not any(f"{{{key}}}" in path for key in known):
                continue
            answer = await other.ask(method, path.format(**known), json=BODIES.get(name, {}))
            if name in OF_WHAT_ANYBODY_FOLLOWS:
                assert answer.status_code == 200, f"{role} {name}: {answer.text}"
            elif path == "/strategies/{name}/versions":
                assert answer.json().get("items", []) == [], name
            else:
                assert answer.status_code == 404, f"{role} {name}: {answer.text}"


async def test_beyond_this_machine_the_status_page_is_for_admins(
    memory: Database, clock: FakeClock, rng: Rng
) -> None:
    abroad = await make_world(memory, clock, rng, host="0.0.0.0")
    for role, status in (("trader", 403), ("author", 403), ("admin", 200)):
        somebody = await signed_in(abroad, role, role)
        answer = await somebody.ask("GET", "http://127.0.0.1:8000/status.json")
        assert answer.status_code == status, role


OF_WHAT_ANYBODY_FOLLOWS = {"GET /deployments/{deployment_id}/capacity"}
BODIES = {
    "POST /accounts/{account_id}/reset": {"currency": "INR", "amount": "1"},
    "PATCH /deployments/{deployment_id}": {"parameters": {}},
    "POST /deployments/{deployment_id}/plan": {"action": "stop"},
    "PUT /accounts/{account_id}/key": {"api_key": "key-of-other", "api_secret": "a secret"},
}


async def tried(somebody: Person, name: str) -> int:
    """With ids of nothing, so that it is the right that is tested, and nothing is changed."""
    method, path = name.split(" ")
    nothing = path
    for part in path.split("/"):
        if part.startswith("{"):
            nothing = nothing.replace(part, "none")
    answer = await somebody.ask(method, nothing)
    return answer.status_code if "last admin" not in answer.text else 200
