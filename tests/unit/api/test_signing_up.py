"""Signing up, resetting, second factors and API tokens: the ways that work, and the others."""

from base64 import b32decode

import httpx
import pytest

from control_plane.core.clock import ms
from control_plane.core.ids import Rng
from control_plane.infra.db import Database
from control_plane.sessions.models import totp
from tests.fakes.clock import FakeClock
from tests.fakes.site import World, make_world
from tests.unit.api.people import ADDRESS, PASSWORD, Person, person, proof_in, signed_in

NEW = "another quiet harbour"


@pytest.fixture
async def open_world(memory: Database, clock: FakeClock, rng: Rng) -> World:
    return await make_world(memory, clock, rng, accounts={"sign_up": "open"})


async def newcomer(world: World, email: str = "cy@example.com") -> Person:
    somebody = await person(world, "helper")
    somebody.email = email
    return somebody


async def test_one_signs_up_confirms_and_is_in(open_world: World) -> None:
    cy = await newcomer(open_world)
    body = {"email": cy.email, "password": PASSWORD}
    assert (await cy.client.post("/sign-up", json=body)).status_code == 202
    early = await cy.sign_in()
    proof = {"proof": proof_in(open_world), "password": PASSWORD}

    assert early.status_code == 401
    assert (await cy.client.post("/sign-up/confirm", json=proof)).status_code == 204
    assert (await cy.sign_in()).status_code == 200
    assert (await cy.client.post("/sign-up/confirm", json=proof)).status_code == 422


async def test_a_weak_password_is_refused_by_the_name_that_it_was_sent_under(
    open_world: World,
) -> None:
    cy = await newcomer(open_world)
    answer = await cy.client.post("/sign-up", json={"email": cy.email, "password": "short"})

    assert (answer.status_code, answer.json()["field"]) == (422, "password")


@pytest.mark.parametrize(
    ("public_url", "begins"),
    [
        ("", "POST http://127.0.0.1:8123/api/v1/sign-up/confirm "),
        ("https://slip.example/", "POST https://slip.example/api/v1/sign-up/confirm "),
    ],
)
async def test_a_letter_says_where_this_installation_is(
    memory: Database, clock: FakeClock, rng: Rng, public_url: str, begins: str
) -> None:
    accounts = {"sign_up": "open", "public_url": public_url}
    world = await make_world(memory, clock, rng, accounts=accounts, port=8123)
    cy = await newcomer(world)
    await cy.client.post("/sign-up", json={"email": cy.email, "password": PASSWORD})

    assert begins in world.post.letters[-1].text


@pytest.mark.attack("T3")
async def test_signing_up_does_not_say_who_is_here(open_world: World) -> None:
    ann = await person(open_world, "ann")
    answers = [
        await ann.client.post("/sign-up", json={"email": email, "password": PASSWORD})
        for email in (ann.email, "cy@example.com")
    ]

    assert answers[0].status_code == answers[1].status_code == 202
    assert answers[0].json() == answers[1].json()
    assert "Sign in instead" in open_world.post.letters[0].text


@pytest.mark.attack("U18")
async def test_who_signs_up_with_anothers_address_gets_nothing(open_world: World) -> None:
    """The owner of the mailbox opens the letter, but does not know that password."""
    cy = await newcomer(open_world)
    body = {"email": cy.email, "password": "the thief's own words"}
    await cy.client.post("/sign-up", json=body)
    proof = {"proof": proof_in(open_world), "password": PASSWORD}

    assert (await cy.client.post("/sign-up/confirm", json=proof)).status_code == 401


async def test_by_default_one_needs_an_invitation(world: World) -> None:
    admin, cy = await signed_in(world, "boss", "admin"), await newcomer(world)
    body = {"email": cy.email, "password": PASSWORD}
    refused = await cy.client.post("/sign-up", json=body)
    assert (await admin.ask("POST", "/invitations", json={"email": cy.email})).status_code == 204
    invited = {**body, "invitation": proof_in(world)}
    elsewhere = await cy.client.post("/sign-up", json={**invited, "email": "dee@example.com"})

    assert refused.status_code == 403
    assert elsewhere.status_code == 422
    assert (await cy.client.post("/sign-up", json=invited)).status_code == 202
    assert (await cy.client.post("/sign-up", json=invited)).status_code == 422


@pytest.mark.parametrize("email", ["", "ann", "ann@", "@b.c", "a b@c.de", "a@b..c", "a\n@b.c"])
async def test_what_is_no_address_is_refused(open_world: World, email: str) -> None:
    cy = await newcomer(open_world)
    answer = await cy.client.post("/sign-up", json={"email": email, "password": PASSWORD})

    assert (answer.status_code, answer.json()["field"]) == (422, "email")


@pytest.mark.attack("T12")
@pytest.mark.attack("T15")
async def test_a_letter_lets_one_choose_another_password_once(
    world: World, clock: FakeClock
) -> None:
    ann = await signed_in(world, "ann")
    await ann.client.post("/password-reset", json={"email": ann.email})
    body = {"proof": proof_in(world), "new_password": NEW}

    assert (await ann.client.post("/password-reset/confirm", json=body)).status_code == 204
    assert (await ann.renew()).status_code == 401
    assert (await ann.client.post("/password-reset/confirm", json=body)).status_code == 422
    assert (await ann.sign_in(password=NEW)).status_code == 200


@pytest.mark.attack("T12")
async def test_the_letter_is_good_for_a_quarter_of_an_hour(world: World, clock: FakeClock) -> None:
    ann = await person(world, "ann")
    await ann.client.post("/password-reset", json={"email": ann.email})
    await clock.advance(15 * 60)
    body = {"proof": proof_in(world), "new_password": NEW}

    assert (await ann.client.post("/password-reset/confirm", json=body)).status_code == 422


@pytest.mark.attack("T12")
async def test_a_reset_names_our_own_address_whatever_the_host_header_says(world: World) -> None:
    ann = await person(world, "ann")
    await ann.client.post(
        "/password-reset", json={"email": ann.email}, headers={"Host": "127.0.0.1:6666"}
    )

    assert "6666" not in world.post.letters[-1].text


@pytest.mark.attack("T3")
async def test_a_reset_says_nothing_about_who_is_here(world: World) -> None:
    ann = await person(world, "ann")
    known = await ann.client.post("/password-reset", json={"email": ann.email})
    unknown = await ann.client.post("/password-reset", json={"email": "no@example.com"})

    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert len(world.post.letters) == 1


@pytest.mark.attack("T13")
async def test_a_second_factor_is_asked_for_and_each_code_is_good_once(
    world: World, clock: FakeClock
) -> None:
    ann = await signed_in(world, "ann")
    made = (await ann.ask("POST", "/me/second-factor")).json()
    code = code_now(made["secret"], clock)
    await ann.ask("POST", "/me/second-factor/confirm", json={"code": code})
    without, again = await ann.sign_in(), await ann.sign_in(code=code)
    await clock.advance(30)

    assert without.status_code == 401
    assert again.status_code == 422
    assert (await ann.sign_in(code=code_now(made["secret"], clock))).status_code == 200
    basic = await ann.client.get("/me", auth=(ann.email, PASSWORD))
    assert basic.status_code == 401


@pytest.mark.attack("T13")
async def test_codes_are_not_guessed(world: World, clock: FakeClock) -> None:
    ann = await signed_in(world, "ann")
    secret = (await ann.ask("POST", "/me/second-factor")).json()["secret"]
    good = code_now(secret, clock)
    bad = f"{(int(good) + 1) % 1_000_000:06}"
    tries = [
        (await ann.ask("POST", "/me/second-factor/confirm", json={"code": bad})).status_code
        for _ in range(6)
    ]

    assert tries == [422] * 5 + [429]


@pytest.mark.attack("T12")
async def test_a_reset_does_not_go_around_the_second_factor(world: World, clock: FakeClock) -> None:
    ann = await signed_in(world, "ann")
    secret = (await ann.ask("POST", "/me/second-factor")).json()["secret"]
    await ann.ask("POST", "/me/second-factor/confirm", json={"code": code_now(secret, clock)})
    await ann.client.post("/password-reset", json={"email": ann.email})
    body = {"proof": proof_in(world), "new_password": NEW}

    assert (await ann.client.post("/password-reset/confirm", json=body)).status_code == 401


@pytest.mark.attack("T14")
async def test_an_api_token_does_what_its_scopes_say_until_it_is_revoked(world: World) -> None:
    ann = await signed_in(world, "ann")
    made = (await ann.ask("POST", "/tokens", json={"name": "report", "scopes": ["read"]})).json()
    program = {"Authorization": f"Bearer {made['token']}"}
    paper = {"name": "practice", "currency": "INR", "amount": "1"}

    assert made["token"].startswith("slt_")
    assert (await ann.client.get("/accounts", headers=program)).status_code == 200
    assert (await ann.client.get("/tokens", headers=program)).status_code == 403
    written = await ann.client.post("/accounts/paper", headers=program, json=paper)
    assert (written.status_code, "'trade'" in written.json()["remedy"]) == (403, True)

    listed = (await ann.ask("GET", "/tokens")).json()["items"]
    assert [(one["hint"], one["name"]) for one in listed] == [(made["token"][-4:], "report")]
    assert made["token"] not in str(listed)
    await ann.ask("DELETE", f"/tokens/{made['id']}")
    assert (await ann.client.get("/accounts", headers=program)).status_code == 401


@pytest.mark.attack("T14")
async def test_an_api_token_ends_by_itself(world: World, clock: FakeClock) -> None:
    ann = await signed_in(world, "ann")
    body = {"name": "report", "scopes": ["read"], "days": 1}
    made = (await ann.ask("POST", "/tokens", json=body)).json()
    await clock.advance(86_400)

    answer = await ann.client.get("/me", headers={"Authorization": f"Bearer {made['token']}"})
    assert answer.status_code == 401


@pytest.mark.attack("T6")
async def test_a_token_revoked_in_another_process_reads_for_five_seconds_and_writes_no_more(
    world: World, memory: Database, clock: FakeClock, rng: Rng
) -> None:
    ann = await signed_in(world, "ann")
    body = {"name": "report", "scopes": ["read", "trade"]}
    made = (await ann.ask("POST", "/tokens", json=body)).json()
    other = await make_world(memory, clock, rng)
    program = httpx.AsyncClient(
        transport=httpx.ASGITransport(other.app),
        base_url=ADDRESS,
        headers={"Authorization": f"Bearer {made['token']}"},
    )
    paper = {"name": "practice", "currency": "INR", "amount": "1"}
    assert (await program.get("/accounts")).status_code == 200
    await ann.ask("DELETE", f"/tokens/{made['id']}")

    assert (await program.post("/accounts/paper", json=paper)).status_code == 401
    assert (await program.get("/accounts")).status_code == 200
    await clock.advance(5)
    assert (await program.get("/accounts")).status_code == 401


@pytest.mark.attack("T14")
async def test_a_token_in_the_address_is_none(world: World) -> None:
    ann = await signed_in(world, "ann")

    assert (await ann.client.get(f"/me?access_token={ann.access}")).status_code == 401


async def test_an_admin_gives_roles_and_the_last_admin_stays(world: World) -> None:
    admin, ann = await signed_in(world, "boss", "admin"), await signed_in(world, "ann")
    upload = {"name": "cross", "code": "x = 1"}
    refused = await ann.ask("POST", "/strategies", json=upload)
    given = await admin.ask("PUT", f"/users/{ann.id}/role", json={"role": "author"})

    assert refused.status_code == 403
    assert given.status_code == 204
    assert (await ann.ask("GET", "/me")).status_code == 401
    await ann.sign_in()
    assert (await ann.ask("POST", "/strategies", json=upload)).status_code != 403
    assert (await ann.ask("GET", "/users")).status_code == 403


def code_now(secret: str, clock: FakeClock) -> str:
    return totp.code(b32decode(secret), totp.step_at(ms(clock.now()) // 1000))
