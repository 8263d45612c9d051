"""Every route × everybody × what is theirs and what is another's, on both databases; on PostgreSQL
behind the second wall, as the api role runs.

The routes are those of the OpenAPI document. A route whose path names something new fails here
until `holdings` makes one, and one that needs a body until BODIES has it.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from control_plane.infra import schema
from control_plane.infra.clock import RealClock
from control_plane.infra.db import connect
from control_plane.infra.engines import Pool
from control_plane.infra.http_edge import PREFIX
from control_plane.infra.rng import SeededRng
from control_plane.sessions.models.rights import RIGHTS, SCOPES, Right, reaches
from tests.conftest import own_postgres
from tests.fakes.site import CODE, TOKEN, World, make_world
from tests.unit.api.holdings import (
    KEY,
    TERMS,
    Holdings,
    author_holdings,
    trader_holdings,
)
from tests.unit.api.people import PASSWORD, Person, signed_in

POSTGRES = pytest.mark.postgres
pytestmark = [pytest.mark.db, pytest.mark.asyncio(loop_scope="module")]

OK = {200, 201, 202, 204}
BUSY = 409  # theirs, but not in a state for this: as good a proof that it was reached

# What a route needs besides its path: `{account_id}` and the like are filled in.
BODIES: dict[str, object] = {
    "POST /accounts/live": {"name": "second"},
    "POST /accounts/paper": {"name": "more", "currency": "INR", "amount": "1"},
    "POST /accounts/{account_id}/reset": {"currency": "INR", "amount": "1"},
    "PUT /accounts/{account_id}/key": KEY,
    "PATCH /deployments/{deployment_id}": {"parameters": {"fast": 7}},
    "POST /backtests": {"strategy": "{version_id}"},
    "POST /deployments": {"strategy": "{version_id}"},
    "POST /deployments/plan": {"strategy": "{version_id}"},
    "POST /deployments/{deployment_id}/plan": {"action": "restart"},
    "POST /deployments/{deployment_id}/shadow": {},
    "POST /me/password": {"current_password": PASSWORD, "new_password": PASSWORD + " again"},
    "POST /me/second-factor/confirm": {"code": "000000"},
    "POST /me/step-up": {"password": PASSWORD},
    "POST /strategies": {"name": "another", "code": CODE},
    "POST /subscriptions": {
        **TERMS,
        "deployment_id": "{deployment_id}",
        "account_id": "{account_id}",
    },
    "POST /subscriptions/preview": {
        **TERMS,
        "deployment_id": "{deployment_id}",
        "account_id": "{account_id}",
    },
    "PUT /subscriptions/{subscription_id}/terms": {**TERMS, "risk": "0.02"},
    "POST /tokens": {"name": "night", "scopes": ["read"]},
}
# Of one's own deployment too there may be none.
MAY_BE_MISSING = {
    "POST /deployments/{deployment_id}/shadow/promote",
    "GET /deployments/{deployment_id}/shadow",
    "DELETE /deployments/{deployment_id}/shadow",
}
QUERIES = {
    "GET /backtests/compared": {"ids": "{backtest_id}"},
    "GET /candles": {"instrument": "spot:B-BTC_USDT", "resolution": "1m"},
    "GET /instruments/named": {"text": "spot:B-BTC_USDT"},
}
# For whom these are is not a question of whose a thing is.
FILES = {"POST /strategies/files": "an upload as files: the same use case as POST /strategies"}
NAMED_IN_BODY = {
    "POST /backtests",
    "POST /deployments",
    "POST /deployments/plan",
    "POST /subscriptions",
    "POST /subscriptions/preview",
}
# Whoever may follow a deployment may ask whether there is room: figures, and nobody's name.
OF_WHAT_ANYBODY_FOLLOWS = {"GET /deployments/{deployment_id}/capacity"}
SHOWN_TO_ADMINS = {"GET /fleet"}  # everybody's containers, on purpose
# One's own password, factor and session are changed by these: each in the tests of sessions.
OF_ONESELF = {
    "POST /me/google",
    "DELETE /me/google",
    "POST /me/password",
    "POST /me/second-factor",
    "POST /me/second-factor/confirm",
    "POST /me/step-up",
    "POST /me/step-up/google",
    "DELETE /me/second-factor",
}


@dataclass(frozen=True)
class Port:
    world: World
    author: Person
    trader: Person
    of_author: Holdings
    of_trader: Holdings


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=POSTGRES)])
def database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('matrix') / 'test.db'}"
        return
    with own_postgres(__name__) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port(database_url: str) -> AsyncIterator[Port]:
    """One for all of these tests: all but the last only ask for what they must not get."""
    clock, rng = RealClock(), SeededRng(1)
    db = connect(database_url, clock, pool=Pool(size=3, overflow=0))
    schema.upgrade(db)
    world = await make_world(db.behind_the_wall(), clock, rng)
    author = await signed_in(world, "ann", "author")
    trader = await signed_in(world, "tom", "trader")
    of_author = await author_holdings(db, author)
    yield Port(world, author, trader, of_author, await trader_holdings(db, trader, of_author))
    db.close()


def routes(world: World) -> Iterator[tuple[str, Right]]:
    """Those behind a sign-in, what only looks first and what ends something last."""
    found = [
        f"{verb.upper()} {path.removeprefix(PREFIX)}"
        for path, verbs in world.app.openapi()["paths"].items()
        for verb in verbs
    ]
    order = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    for name in sorted(found, key=lambda one: (order.index(one.split()[0]), "cancel" in one, one)):
        if name in RIGHTS:
            yield name, RIGHTS[name]


@pytest.mark.attack("U1")
async def test_nobody_reaches_anything(port: Port) -> None:
    stranger = Person(port.author.client, "", "", access="")
    for name, _ in routes(port.world):
        assert (await asked(stranger, name, port.of_author)).status_code == 401, name


@pytest.mark.attack("U1")
async def test_what_is_anothers_is_as_missing_as_none(port: Port) -> None:
    before = await everything(port.author, port.of_author)
    boss = await signed_in(port.world, "boss", "admin")
    others = [
        (port.trader, "trader", SCOPES),
        (await signed_in(port.world, "eve", "author"), "author", SCOPES),
        (boss, "admin", SCOPES),
        *[(await program(boss, scope), "admin", (scope,)) for scope in SCOPES],
    ]
    for person, role, scopes in others:
        is_person = scopes == SCOPES
        for name, right in routes(port.world):
            if right.role == "admin" or name in OF_ONESELF:
                continue  # about everybody, or about nobody else
            answer = await asked(person, name, port.of_author)
            where = f"{role} {scopes} {name}: {answer.status_code} {answer.text[:200]}"
            if not reaches(role, right) or not (is_person or right.scope in scopes):
                assert answer.status_code == 403, where
            elif name in NAMED_IN_BODY or has_own(name, port.of_author):
                assert answer.status_code == 404, where
            if not (role == "admin" and name in SHOWN_TO_ADMINS):
                assert not leaked(answer, port.of_author, port.of_trader, role), where

    assert await everything(port.author, port.of_author) == before


@pytest.mark.attack("U1")
async def test_an_author_sees_nothing_of_who_follows(port: Port) -> None:
    """The other way round: whoever made the strategy is a stranger to its followers' accounts."""
    held = Holdings(
        {k: v for k, v in port.of_trader.ids.items() if v not in port.of_trader.anothers},
        port.of_trader.live_account,
    )
    for name, right in routes(port.world):
        if right.role == "admin" or name in OF_ONESELF or not has_own(name, held):
            continue
        answer = await asked(port.author, name, held)
        assert answer.status_code == 404, f"{name}: {answer.text}"
    for name, _ in routes(port.world):
        if name.startswith("GET ") and "{" not in name and RIGHTS[name].role != "admin":
            answer = await asked(port.author, name, port.of_author)
            assert not [one for one in held.own if one in answer.text], name


@pytest.mark.attack("U1")
async def test_a_filter_by_anothers_thing_finds_nothing(port: Port) -> None:
    looked = 0
    for path, verbs in port.world.app.openapi()["paths"].items():
        for parameter in verbs.get("get", {}).get("parameters", []):
            name = parameter.get("name", "")  # those that all lists share are referred to
            is_of_a_thing = name.endswith("_id") and name in port.of_author.ids
            if parameter.get("in") != "query" or not is_of_a_thing or "{" in path:
                continue
            looked += 1
            query = {name: port.of_author.ids[name]}
            own = await port.author.ask("GET", path.removeprefix(PREFIX), params=query)
            others = await port.trader.ask("GET", path.removeprefix(PREFIX), params=query)
            assert own.json()["items"], f"{path} {name}"
            found = others.text
            assert not [one for one in port.of_author.own if one in found and not shared(port, one)]

    assert looked >= 10


async def test_the_operator_reaches_what_is_the_first_admins_alone(port: Port) -> None:
    operator = Person(port.author.client, "", "", access=TOKEN)
    for name, right in routes(port.world):
        if has_own(name, port.of_author) and right.role != "admin":
            answer = await asked(operator, name, port.of_author)
            assert answer.status_code == 404, f"{name}: {answer.text}"


async def test_what_is_ones_own_is_reached(port: Port) -> None:
    for person, role, held in (
        (port.trader, "trader", port.of_trader),
        (port.author, "author", port.of_author),
    ):
        for name, right in routes(port.world):
            if not reaches(role, right) or right.role == "admin" or name in {*FILES, *OF_ONESELF}:
                continue
            if names_in(name) & keys_of_the_author(port, held):
                continue  # what a trader follows is its author's
            answer = await asked(person, name, held)
            reached = {*OK, BUSY, *([404] if name in MAY_BE_MISSING else [])}
            assert answer.status_code in reached, f"{role} {name}: {answer.text}"


# ---- how it is asked -----------------------------------------------------------------------------


async def asked(person: Person, name: str, held: Holdings) -> httpx.Response:
    method, path = name.split(" ")
    options: dict[str, object] = {}
    if name in BODIES:
        options["json"] = filled(BODIES[name], held)
    if name in QUERIES:
        options["params"] = filled(QUERIES[name], held)
    return await person.ask(method, path_of(path, held), **options)


def path_of(path: str, held: Holdings) -> str:
    ids = dict(held.ids)
    if "/key" in path:
        ids["account_id"] = held.live_account
    for part in path.split("/"):
        if part.startswith("{"):
            name = part[1:-1]
            assert name in {*ids, "user"}, f"{path} names {name}: let `holdings` make one"
            path = path.replace(part, ids.get(name, "usann"))
    return path


def filled(body: object, held: Holdings) -> object:
    if isinstance(body, dict):
        return {key: filled(value, held) for key, value in body.items()}
    if isinstance(body, str) and body.startswith("{"):
        return held.ids[body[1:-1]]
    return body


def names_in(route: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", route))


def has_own(route: str, held: Holdings) -> bool:
    return route not in OF_WHAT_ANYBODY_FOLLOWS and bool(names_in(route) & set(held.ids))


def keys_of_the_author(port: Port, held: Holdings) -> set[str]:
    owned = {key for key, value in held.ids.items() if value not in held.anothers}
    return set(port.of_author.ids) - owned


def leaked(answer: httpx.Response, theirs: Holdings, trader: Holdings, role: str) -> list[str]:
    """Ids of somebody else's that the answer tells, other than what the question named."""
    if answer.status_code not in OK:
        return []
    known = trader.anothers if role == "trader" else frozenset()
    return [one for one in theirs.own - known if one in answer.text]


def shared(port: Port, one: str) -> bool:
    return one in port.of_trader.anothers


async def program(person: Person, scope: str) -> Person:
    made = await person.ask("POST", "/tokens", json={"name": scope, "scopes": [scope]})
    return Person(person.client, person.id, person.email, access=made.json()["token"])


async def everything(person: Person, held: Holdings) -> dict[str, str]:
    """All that its owner can look at, as it stands."""
    found = {}
    for name, right in RIGHTS.items():
        if not name.startswith("GET ") or name in {"GET /sessions", *MAY_BE_MISSING}:
            continue
        if right.role != "admin":
            answer = await asked(person, name, held)
            assert answer.status_code == 200, f"{name}: {answer.text}"
            found[name] = answer.text
    return found
