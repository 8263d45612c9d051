"""What becomes of attacks on users and the API: those of the catalogue that need no process of
their own. Each is marked with its row; `test_attack_table` says where the others are.
"""

import asyncio
import re
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from control_plane.accounts.models import Guesses
from control_plane.core.ids import Rng
from control_plane.infra.db import Database
from control_plane.infra.http_document import operations
from control_plane.infra.http_refusals import Throttled
from control_plane.infra.passwords import Passwords
from tests.fakes.clock import FakeClock
from tests.fakes.site import CODE, World, make_world
from tests.unit.api.people import PASSWORD, Person, person, signed_in
from tests.unit.api.test_signing_up import code_now

PRIVILEGES = ("is_admin", "role", "tenant", "tenant_id", "user_id", "max_leverage", "verified")
# Shown to its owner in the answer that makes it, and never again.
SHOWN_ONCE = {
    "FactorOut.secret",
    "MadeToken.token",
    "SignedInOut.access_token",
    "SignedInOut.csrf_token",
}
SECRET_NAMES = re.compile(r"secret|password|token|api_key|private|envelope|hash|proof|verifier")
NO_SECRETS = {"SignedInOut.must_change_password", "SignedInOut.token_type"}
PAYLOADS = (
    "'; DROP TABLE account; --",
    '" OR 1=1 --',
    "<script>alert(1)</script>",
    "${7*7}{{7*7}}",
    "../../etc/passwd",
    "%00%0d%0aSet-Cookie: a=b",
    "\u202egnp.exe",
    "a\\",
)


@pytest.mark.attack("U2")
def test_no_body_takes_a_field_that_it_does_not_name(world: World) -> None:
    document = world.app.openapi()
    shapes = document["components"]["schemas"]
    looked = 0
    for path, method, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"].get("$ref", "").rsplit("/", 1)[-1]
            if not name or name.startswith("Body_"):
                continue  # a form of files: FastAPI's own shape
            looked += 1
            assert shapes[name].get("additionalProperties") is False, f"{method} {path}"
    assert looked > 20


@pytest.mark.attack("U2")
async def test_nobody_gives_themselves_more_rights_by_a_field(world: World) -> None:
    ann = await signed_in(world, "ann")
    body = {"name": "practice", "currency": "INR", "amount": "1"}
    for name in PRIVILEGES:
        answer = await ann.ask("POST", "/accounts/paper", json={**body, name: "admin"})
        assert (answer.status_code, answer.json()["field"]) == (422, name)


@pytest.mark.attack("U3")
async def test_limits_are_changed_after_a_fresh_proof_and_within_the_platforms(
    world: World, deployed: str, clock: FakeClock
) -> None:
    ann = await signed_in(world, "ann")
    money = {"name": "practice", "currency": "USDT", "amount": "10000"}
    account = (await ann.ask("POST", "/accounts/paper", json=money)).json()["id"]
    terms = {"capital": "5000", "capital_currency": "USDT", "risk": "0.01"}
    body = {**terms, "deployment_id": deployed, "account_id": account}
    made = (await ann.ask("POST", "/subscriptions", json=body)).json()["id"]
    path = f"/subscriptions/{made}/terms"
    for much in ({"leverage": "1000"}, {"risk": "2"}):
        assert (await ann.ask("PUT", path, json={**terms, **much})).status_code == 422

    await clock.advance(301)
    late = await ann.ask("PUT", path, json={**terms, "risk": "0.02"})
    assert (late.status_code, "step-up" in late.json()["remedy"]) == (403, True)
    ann.take(await ann.ask("POST", "/me/step-up", json={"password": PASSWORD}))
    assert (await ann.ask("PUT", path, json={**terms, "risk": "0.02"})).status_code == 200


@pytest.mark.attack("U7")
@pytest.mark.attack("U9")
@pytest.mark.attack("U13")
async def test_a_hostile_text_is_a_text(operator: httpx.AsyncClient, account: str) -> None:
    for number, text in enumerate(PAYLOADS):
        made = await operator.post(
            "/accounts/paper", json={"name": text, "currency": "INR", "amount": "1"}
        )
        assert made.status_code in {201, 422}, text
        uploaded = await operator.post("/strategies", json={"name": text, "code": CODE})
        assert uploaded.status_code in {201, 422}, text
        for path in ("/orders", "/trades", "/deployments", "/events", "/candles"):
            for name in ("cursor", "account_id", "sort", "state", "instrument", "name"):
                answer = await operator.get(path, params={name: text})
                assert answer.status_code < 500, f"{path} {name} {text}"
                assert "set-cookie" not in answer.headers
                assert answer.headers["content-type"].startswith("application/")
        assert (await operator.get(f"/intents/{number}{text}")).status_code == 404
    listed = await operator.get("/accounts")
    assert account in listed.text
    assert listed.headers["x-content-type-options"] == "nosniff"
    assert "unsafe-inline" not in listed.headers["content-security-policy"]


@pytest.mark.attack("U15")
def test_no_answer_has_a_secret_in_it_but_the_one_that_makes_it(world: World) -> None:
    document = world.app.openapi()
    shapes = document["components"]["schemas"]
    answered: set[str] = set()
    for _, _, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                answered |= set(re.findall(r"#/components/schemas/(\w+)", str(answer)))
    while (
        more := {
            inner
            for name in answered
            for inner in re.findall(r"#/components/schemas/(\w+)", str(shapes[name]))
        }
        - answered
    ):
        answered |= more

    named = {
        f"{name}.{field}"
        for name in answered
        for field in shapes[name].get("properties", {})
        if SECRET_NAMES.search(field)
    }
    digests = {one for one in named if one.endswith(("_sha256", "_hash"))}
    assert named - digests - NO_SECRETS == SHOWN_ONCE


@pytest.mark.attack("U16")
async def test_to_halt_is_easy_and_to_lift_it_takes_a_fresh_proof(
    world: World, clock: FakeClock
) -> None:
    boss = await signed_in(world, "boss", "admin")
    await clock.advance(301)
    scope = {"scope": "platform", "reason": "all of it"}
    assert (await boss.ask("POST", "/halts", json=scope)).status_code == 201
    lifted = await boss.ask("POST", "/halts/lift", json={"scope": "platform"})
    assert lifted.status_code == 403


# ---- signing in ----------------------------------------------------------------------------------


@pytest.mark.attack("T1")
def test_ten_thousand_guesses_from_everywhere_get_few_tries() -> None:
    """One guess a second from 5,000 networks: the account's own count slows all of them."""
    guesses, tried = Guesses(), 0
    for second in range(10_000):
        network = f"10.{second % 250}.{second % 20}"
        if guesses.wait_seconds("ann@example.com", network, second) == 0:
            guesses.failed("ann@example.com", network, second)
            tried += 1

    assert tried < 400


@pytest.mark.attack("T1")
def test_ten_thousand_guesses_from_one_place_get_next_to_none() -> None:
    guesses, tried = Guesses(), 0
    for second in range(10_000):
        if guesses.wait_seconds("ann@example.com", "10.0.0", second) == 0:
            guesses.failed("ann@example.com", "10.0.0", second)
            tried += 1

    assert tried < 30


@pytest.mark.attack("T2")
def test_whoever_guesses_elsewhere_locks_nobody_out_for_long() -> None:
    guesses = Guesses()
    for second in range(10_000):
        guesses.failed("ann@example.com", f"10.0.{second % 200}", second)

    assert guesses.wait_seconds("ann@example.com", "192.168.1", 10_000) <= 30


@pytest.mark.attack("T3")
async def test_it_takes_the_same_work_whether_somebody_is_here_or_not(
    world: World, memory: Database
) -> None:
    """Counted, for a clock measures the machine: hashes, and statements of the database."""
    ann = await person(world, "ann")
    work: list[str] = []

    @event.listens_for(memory.engine, "before_cursor_execute")
    def count(*called: Any) -> None:
        work.append(called[2].split()[0])

    passwords = world.services.users.passwords
    hasher = passwords._compare

    def counted(stored: str, password: str) -> bool:
        work.append("argon2")
        return hasher(stored, password)

    passwords._compare = counted  # type: ignore[method-assign] # the count is the test's
    await asks(ann, "/sessions", email="nobody@example.com", password=PASSWORD)  # a first hash
    spent = []
    for email in (ann.email, "somebody@example.com"):
        for path, body in (
            ("/sessions", {"email": email, "password": "of somebody else"}),
            ("/password-reset", {"email": email}),
        ):
            work.clear()
            answer = await asks(ann, path, **body)
            spent.append((path, answer.status_code, answer.json().get("detail"), tuple(work)))

    assert spent[:2] == spent[2:]
    assert spent[0][3].count("argon2") == 1


async def asks(ann: Person, path: str, **body: str) -> httpx.Response:
    return await ann.client.post(path, json=body)


@pytest.mark.attack("T4")
async def test_hashing_is_no_way_to_hold_the_server_up(rng: Rng) -> None:
    passwords = Passwords(rng, memory_kib=8, passes=1)
    stored = await passwords.hash("of somebody")
    results: list[str] = []

    async def guess() -> None:
        try:
            await passwords.is_right("of somebody else", stored)
            results.append("hashed")
        except Throttled:
            results.append("refused")

    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(guess())

    assert results.count("hashed") == 30
    assert results.count("refused") == 70


@pytest.mark.attack("T13")
async def test_where_it_is_asked_for_an_admin_has_a_second_factor(
    memory: Database, clock: FakeClock, rng: Rng
) -> None:
    world = await make_world(memory, clock, rng, accounts={"admin_second_factor": True})
    boss = await signed_in(world, "boss", "admin")
    ann = await signed_in(world, "ann")
    for method, path in (("GET", "/users"), ("GET", "/accounts"), ("POST", "/tokens")):
        due = await boss.ask(method, path, json={})
        assert due.status_code == 403, path
        assert "second factor" in due.json()["detail"]
    assert (await boss.client.get("/me", auth=(boss.email, PASSWORD))).status_code == 403
    assert (await ann.ask("GET", "/accounts")).status_code == 200

    secret = (await boss.ask("POST", "/me/second-factor")).json()["secret"]
    code = {"code": code_now(secret, clock)}
    assert (await boss.ask("POST", "/me/second-factor/confirm", json=code)).status_code == 204
    assert (await boss.ask("GET", "/users")).status_code == 403
    await clock.advance(30)
    proof = {"password": PASSWORD, "code": code_now(secret, clock)}
    boss.take(await boss.ask("POST", "/me/step-up", json=proof))
    assert (await boss.ask("GET", "/users")).status_code == 200

    token = (await boss.ask("POST", "/tokens", json={"name": "n", "scopes": ["admin"]})).json()
    program = Person(boss.client, boss.id, boss.email, access=token["token"])
    assert (await program.ask("GET", "/users")).status_code == 200
    assert (await boss.ask("DELETE", "/me/second-factor")).status_code == 204
    assert (await program.ask("GET", "/users")).status_code == 403
