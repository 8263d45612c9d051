"""Signing in with Google, against an OpenID provider in a process of its own, and every way in
which an answer may be forged, repeated, mixed up or used for somebody else.
"""

from base64 import b32decode
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from control_plane.core.clock import Clock, ms
from control_plane.core.ids import Rng, UserId
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, connect
from control_plane.infra.net import HttpxNet
from control_plane.sessions.models import totp
from control_plane.sessions.models.openid import challenge
from control_plane.tables import SCHEMA
from tests.fakes.site import World, make_world
from tests.integration.sessions.google import (
    COOKIE,
    Browser,
    browser,
    proofs,
    provider_process,
    settings_for,
)
from tests.unit.api.people import ADDRESS, PASSWORD, Person, person, signed_in

DAY = 86_400
TOKEN = {"name": "report", "scopes": ["read"]}


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with provider_process() as address:
        yield address


@pytest.fixture
async def net() -> AsyncIterator[HttpxNet]:
    made = HttpxNet()
    yield made
    await made.close()


@pytest.fixture
def db() -> Iterator[Database]:
    """On the real clock, for the provider's statements are of now."""
    opened = connect("sqlite://", RealClock(), inline=True)
    SCHEMA.create_all(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
async def world(db: Database, rng: Rng, net: HttpxNet, provider: str) -> World:
    return await make_world(db, RealClock(), rng, net=net, accounts=settings_for(provider))


@pytest.fixture
def ann(world: World, provider: str) -> Browser:
    return browser(world, provider)


async def test_whoever_google_vouches_for_is_signed_in(ann: Browser) -> None:
    answer = await ann.sign_in(claims={"sub": "1", "email": "Ann@Example.com"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
    somebody = await ann.person()
    assert somebody.email == "ann@example.com"
    (session,) = (await somebody.ask("GET", "/sessions")).json()["items"]
    assert session["amr"] == ["fed"]


async def test_the_second_time_it_is_the_same_user_whatever_the_address(
    ann: Browser, world: World, provider: str
) -> None:
    await ann.sign_in(claims={"sub": "1", "email": "ann@example.com"})
    again = browser(world, provider)
    await again.sign_in(claims={"sub": "1", "email": "other@example.com"})

    assert (await again.person()).id == (await ann.person()).id


async def test_what_the_browser_is_given_to_keep_scripts_cannot_read(ann: Browser) -> None:
    answer = await ann.get("/sign-in/google", {})

    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith(f"{COOKIE}=")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))


async def test_where_it_is_not_set_up_it_says_so(db: Database, rng: Rng) -> None:
    world = await make_world(db, RealClock(), rng)
    answer = await browser(world, "").get("/sign-in/google", {})

    assert answer.status_code == 404
    assert "not set up" in answer.json()["detail"]


async def test_a_provider_that_is_away_is_said_to_be_away(db: Database, rng: Rng) -> None:
    world = await make_world(db, RealClock(), rng, accounts=settings_for("http://127.0.0.1:9"))
    answer = await browser(world, "").get("/sign-in/google", {})

    assert answer.status_code == 503


async def test_a_key_that_the_provider_changed_is_fetched(
    ann: Browser, world: World, provider: str
) -> None:
    await ann.sign_in(claims={"sub": "1"})
    async with httpx.AsyncClient() as outside:
        await outside.post(f"{provider}/rotate", json={})
    federation = world.services.identity.federation
    assert federation.provider is not None
    keys = federation.provider._keys
    assert keys is not None
    federation.provider._keys = (keys[0] - 61, keys[1])  # a minute later

    assert (await browser(world, provider).sign_in(claims={"sub": "1"})).status_code == 303


# ---- T10: state, code, PKCE, nonce, aud, iss, mix-up ---------------------------------------------

FORGED: dict[str, dict[str, Any]] = {
    "signed by nobody": {"sign": "none"},
    "signed with the public key as if it were a secret": {"sign": "hs256"},
    "signed with another key of the same name": {"sign": "another"},
    "no key named": {"sign": "unnamed"},
    "a key named that the provider does not have": {"sign": "wrong_kid"},
    "another kind of token": {"sign": "typ"},
    "for another client": {"claims": {"aud": "somebody-else.apps.example"}},
    "for two clients, made for the other": {
        "claims": {"aud": ["slipway.apps.example", "other"], "azp": "other"}
    },
    "for two clients, made for nobody": {"claims": {"aud": ["slipway.apps.example", "other"]}},
    "for nobody": {"without": ["aud"]},
    "of another issuer": {"claims": {"iss": "https://evil.example"}},
    "of an issuer that looks alike": {"claims": {"iss": "http://127.0.0.1"}},
    "of no issuer": {"without": ["iss"]},
    "expired": {"shift": {"exp": -300 - 31}},
    "never to expire": {"without": ["exp"]},
    "of tomorrow": {"shift": {"iat": DAY, "exp": DAY}},
    "not good before tomorrow": {"claims": {"nbf": 1}, "shift": {"nbf": 4_000_000_000}},
    "without a moment": {"without": ["iat"]},
    "with the nonce of another sign-in": {"claims": {"nonce": "of-another"}},
    "without a nonce": {"without": ["nonce"]},
    "about nobody": {"without": ["sub"]},
    "about no text": {"claims": {"sub": 7}},
    "for another access token": {"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
    "the redirect of another issuer": {"sender": "https://evil.example"},
    "the redirect of nobody": {"sender": ""},
    "a code that is refused": {"status": 500},
    "a person who did not agree": {"error": "access_denied"},
}


@pytest.mark.attack("T10")
async def test_an_answer_with_anything_to_doubt_is_refused(ann: Browser) -> None:
    for name, told in FORGED.items():
        answer = await ann.sign_in(**told)

        assert answer.status_code == 403, f"{name}: {answer.text}"
        assert answer.json()["remedy"] == "Begin again.", name
        assert "__Host-slipway-refresh" not in ann.cookies, name


@pytest.mark.attack("T10")
async def test_a_clock_half_a_minute_off_is_forgiven(ann: Browser) -> None:
    assert (await ann.sign_in(shift={"iat": 20, "exp": -300 - 20})).status_code == 303


@pytest.mark.attack("T10")
async def test_without_a_state_of_ours_nothing_is_believed(ann: Browser) -> None:
    query = await ann.ask(await ann.begin())

    for state in ("", "nonsense", "A" * 43):
        assert (await ann.come_back({**query, "state": state})).status_code == 403


@pytest.mark.attack("T10")
async def test_a_state_is_good_once(ann: Browser) -> None:
    query = await ann.ask(await ann.begin())
    kept = ann.cookies[COOKIE]
    assert (await ann.come_back(query)).status_code == 303

    ann.cookies[COOKIE] = kept
    assert (await ann.come_back(query)).status_code == 403
    fresh = await ann.ask(await ann.begin())
    assert (await ann.come_back({**fresh, "state": query["state"]})).status_code == 403


@pytest.mark.attack("T10")
async def test_a_code_is_good_once(ann: Browser) -> None:
    query = await ann.ask(await ann.begin())
    assert (await ann.come_back(query)).status_code == 303

    fresh = await ann.ask(await ann.begin())
    assert (await ann.come_back({**fresh, "code": query["code"]})).status_code == 403


@pytest.mark.attack("T10")
async def test_a_stolen_code_is_worth_nothing_in_another_sign_in(
    ann: Browser, world: World, provider: str
) -> None:
    """Code injection: PKCE binds it to the sign-in that it was given for."""
    victims = await ann.ask(await ann.begin())
    thief = browser(world, provider)
    own = await thief.ask(await thief.begin())

    assert (await thief.come_back({**own, "code": victims["code"]})).status_code == 403


@pytest.mark.attack("T10")
async def test_an_answer_counts_in_the_browser_that_asked(
    ann: Browser, world: World, provider: str
) -> None:
    """Login CSRF: a link with somebody else's state signs nobody in, and spoils nothing."""
    query = await ann.ask(await ann.begin())
    other = browser(world, provider)
    await other.begin()
    for cookies in (other.cookies, {}):
        stranger = Browser(other.client, provider, dict(cookies))
        assert (await stranger.come_back(query)).status_code == 403

    assert (await ann.come_back(query)).status_code == 303


@pytest.mark.attack("T10")
async def test_a_sign_in_ends_after_ten_minutes(ann: Browser, db: Database) -> None:
    query = await ann.ask(await ann.begin())
    table = SCHEMA.tables["federated_sign_in"]
    await db.write(lambda tx: tx.run(table.update().values(expires_ms=tx.now_ms() - 1)))

    assert (await ann.come_back(query)).status_code == 403


@pytest.mark.attack("T10")
async def test_the_question_is_asked_with_pkce_a_nonce_and_our_own_address(ann: Browser) -> None:
    question = httpx.URL(await ann.begin()).params

    assert question["code_challenge_method"] == "S256"
    assert len(question["code_challenge"]) == len(question["nonce"]) == len(question["state"]) == 43
    assert question["redirect_uri"] == f"{ADDRESS}/sign-in/google/callback"


@pytest.mark.attack("T10")
async def test_the_database_holds_nothing_that_could_finish_a_sign_in(
    ann: Browser, db: Database
) -> None:
    question = httpx.URL(await ann.begin()).params
    rows = await db.read(lambda tx: tx.all(SCHEMA.tables["federated_sign_in"].select()))
    held = repr(rows)

    assert question["state"] not in held
    assert question["nonce"] not in held
    assert ann.cookies[COOKIE] not in held


# ---- U8: open redirect ---------------------------------------------------------------------------


ELSEWHERE = (
    "https://evil.example/", "//evil.example", "/\\evil.example", "/../", "javascript:alert(1)", "",
    "//evil.example#trades", "/#<script>", "/#a b", "/#\r\nSet-Cookie: a=b", "/trades#/", "#trades",
)  # fmt: skip


@pytest.mark.attack("U8")
async def test_a_sign_in_ends_at_no_page_but_ours(ann: Browser) -> None:
    for page in ELSEWHERE:
        answer = await ann.get("/sign-in/google", {"page": page})

        assert (answer.status_code, answer.json()["field"]) == (422, "page"), page


@pytest.mark.attack("U8")
async def test_a_sign_in_comes_back_to_the_place_it_came_from(ann: Browser) -> None:
    for page in ("/", "/#trades", "/#deployments/dpq3v5m2k7a4c6d8e2/tab=log"):
        query = await ann.ask(await ann.begin(page=page))
        answer = await ann.come_back(query)

        assert answer.headers["location"] == page


@pytest.mark.attack("U8")
async def test_a_command_line_listens_where_only_it_can_claim(ann: Browser) -> None:
    for query in (
        {"port": 80, "challenge": "A" * 43},
        {"port": 5000},
        {"port": 5000, "challenge": "short"},
    ):
        assert (await ann.get("/sign-in/google", query)).status_code == 422, query


# ---- U18: taking somebody over by their address --------------------------------------------------


@pytest.mark.attack("U18")
async def test_an_address_that_google_does_not_vouch_for_opens_nothing(ann: Browser) -> None:
    for claims in (
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": ""},
    ):
        answer = await ann.sign_in(claims=claims)
        assert answer.status_code == 403, claims
        assert "vouch" in answer.json()["detail"]
    assert (await ann.sign_in(without=["email_verified"])).status_code == 403


@pytest.mark.attack("U18")
async def test_google_is_never_linked_by_the_address_alone(ann: Browser, world: World) -> None:
    """Somebody at the provider has the address of somebody here: perhaps another one."""
    await signed_in(world, "ann")
    answer = await ann.sign_in(claims={"email": "ann@example.com"})

    assert answer.status_code == 403
    assert "not linked" in answer.json()["detail"]
    assert "__Host-slipway-refresh" not in ann.cookies


@pytest.mark.attack("U18")
async def test_who_signed_up_with_a_victims_address_first_has_nothing(
    ann: Browser, world: World
) -> None:
    thief = Person(ann.client, "", "ann@example.com")
    body = {"email": thief.email, "password": PASSWORD}
    assert (await ann.client.post("/sign-up", json=body)).status_code == 202
    (proof,) = proofs(world.post.letters[-1].text)

    assert (await ann.sign_in(claims={"sub": "1", "email": "ann@example.com"})).status_code == 303

    assert (await thief.sign_in()).status_code == 401
    late = {"proof": proof, "password": PASSWORD}
    assert (await ann.client.post("/sign-up/confirm", json=late)).status_code == 422
    assert (await thief.sign_in()).status_code == 401
    assert (await ann.person()).email == "ann@example.com"


@pytest.mark.attack("U18")
async def test_who_is_signed_in_links_google_and_unlinks_it(
    ann: Browser, world: World, provider: str
) -> None:
    known = await signed_in(world, "ann")
    begun = ann.keep(await known.ask("POST", "/me/google", json={}))
    query = await ann.ask(begun.json()["address"], claims={"sub": "7", "email": "x@gmail.com"})
    assert (await ann.come_back(query)).status_code == 303

    again = browser(world, provider)
    assert (await again.sign_in(claims={"sub": "7"})).status_code == 303
    assert (await again.person()).id == known.id

    assert (await known.ask("DELETE", "/me/google")).status_code == 204
    assert (await known.ask("DELETE", "/me/google")).status_code == 404
    other = await browser(world, provider).sign_in(claims={"sub": "7", "email": known.email})
    assert other.status_code == 403


@pytest.mark.attack("U18")
async def test_a_google_account_is_one_users_alone(
    ann: Browser, world: World, provider: str
) -> None:
    await ann.sign_in(claims={"sub": "7", "email": "first@example.com"})
    second = await signed_in(world, "bob")
    theirs = browser(world, provider)
    begun = theirs.keep(await second.ask("POST", "/me/google", json={}))
    query = await theirs.ask(begun.json()["address"], claims={"sub": "7"})

    assert (await theirs.come_back(query)).status_code == 409


# ---- who may sign up, and the second factor ------------------------------------------------------


@pytest.mark.parametrize("sign_up", ["invitation", "closed"])
async def test_google_is_no_way_around_an_invitation(
    db: Database, rng: Rng, net: HttpxNet, provider: str, sign_up: str
) -> None:
    accounts = settings_for(provider, sign_up=sign_up)
    world = await make_world(db, RealClock(), rng, net=net, accounts=accounts)

    assert (await browser(world, provider).sign_in()).status_code == 403


async def test_an_invitation_is_for_its_address_alone(
    db: Database, rng: Rng, net: HttpxNet, provider: str
) -> None:
    accounts = settings_for(provider, sign_up="invitation")
    world = await make_world(db, RealClock(), rng, net=net, accounts=accounts)
    boss = await signed_in(world, "boss", "admin")
    for invited, status in (("somebody@example.com", 303), ("else@example.com", 403)):
        await boss.ask("POST", "/invitations", json={"email": invited})
        (invitation,) = proofs(world.post.letters[-1].text)
        ann = browser(world, provider)
        query = await ann.ask(await ann.begin(invitation=invitation), claims={"sub": invited})
        assert (await ann.come_back(query)).status_code == status, invited


@pytest.mark.attack("T12")
async def test_google_does_not_go_around_the_second_factor(
    ann: Browser, world: World, real_clock: Clock
) -> None:
    await ann.sign_in(claims={"sub": "1"})
    known = await ann.person()
    factors = world.services.identity.factors
    made = await factors.start(UserId(known.id))
    secret = _bytes(made.secret)
    step = totp.step_at(ms(real_clock.now()) // 1000)
    await factors.confirm(UserId(known.id), totp.code(secret, step - 1))

    later = Browser(ann.client, ann.provider)
    answer = await later.sign_in(claims={"sub": "1"})
    assert (answer.status_code, answer.json()["field"]) == (403, "code")
    assert "__Host-slipway-refresh" not in later.cookies

    wrong = await later.post("/sign-in/google/finish", {"code": "000000"})
    assert wrong.status_code == 422
    right = await later.post("/sign-in/google/finish", {"code": totp.code(secret, step)})
    assert right.status_code == 200, right.text
    assert (await later.person()).id == known.id
    again = await later.post("/sign-in/google/finish", {"code": totp.code(secret, step + 1)})
    assert again.status_code == 403


# ---- proving it once more ------------------------------------------------------------------------


async def grown_old(db: Database, person: Person) -> None:
    """Its proof is of ten minutes ago."""
    table = SCHEMA.tables["session"]
    await db.write(lambda tx: tx.run(table.update().values(auth_ms=table.c.auth_ms - 600_000)))
    refused = await person.ask("POST", "/tokens", json=TOKEN)
    assert (refused.status_code, "/me/step-up/google" in refused.json()["remedy"]) == (403, True)


async def test_who_has_no_password_proves_it_by_way_of_google(ann: Browser, db: Database) -> None:
    await ann.sign_in(claims={"sub": "1"})
    before = await ann.person()
    await grown_old(db, before)

    begun = ann.keep(await before.ask("POST", "/me/step-up/google", json={"page": "/#keys"}))
    assert httpx.URL(begun.json()["address"]).params["max_age"] == "0"
    answer = await ann.come_back(await ann.ask(begun.json()["address"], claims={"sub": "1"}))

    assert (answer.status_code, answer.headers["location"]) == (303, "/#keys")
    after = await ann.person()
    assert (after.id, after.session != before.session) == (before.id, True)
    assert (await after.ask("POST", "/tokens", json=TOKEN)).status_code == 201
    assert (await before.ask("POST", "/tokens", json=TOKEN)).status_code == 401


@pytest.mark.attack("T11")
@pytest.mark.parametrize(
    "told",
    [
        {"claims": {"sub": "2"}},
        {"claims": {"sub": "1"}, "shift": {"auth_time": -60}},
        {"claims": {"sub": "1"}, "shift": {"auth_time": 60}},
        {"claims": {"sub": "1", "auth_time": "now"}},
        {"claims": {"sub": "1"}, "without": ["auth_time"]},
    ],
    ids=["another person", "before it was asked", "to come", "no moment", "no word of when"],
)
async def test_what_proves_nothing_anew_leaves_the_session_as_it_is(
    ann: Browser, db: Database, told: dict[str, Any]
) -> None:
    await ann.sign_in(claims={"sub": "1"})
    somebody = await ann.person()
    await grown_old(db, somebody)
    begun = ann.keep(await somebody.ask("POST", "/me/step-up/google", json={}))

    answer = await ann.come_back(await ann.ask(begun.json()["address"], **told))

    assert answer.status_code == 403
    assert (await somebody.ask("GET", "/me")).status_code == 200
    assert (await somebody.ask("POST", "/tokens", json=TOKEN)).status_code == 403


async def test_a_session_that_ended_meanwhile_is_not_followed(ann: Browser) -> None:
    await ann.sign_in(claims={"sub": "1"})
    somebody = await ann.person()
    begun = ann.keep(await somebody.ask("POST", "/me/step-up/google", json={}))
    query = await ann.ask(begun.json()["address"], claims={"sub": "1"})
    await somebody.ask("DELETE", f"/sessions/{somebody.session}")

    assert (await ann.come_back(query)).status_code == 404


async def test_who_has_a_second_factor_proves_it_with_its_code(
    ann: Browser, world: World, db: Database, real_clock: Clock
) -> None:
    await ann.sign_in(claims={"sub": "1"})
    somebody = await ann.person()
    made = await world.services.identity.factors.start(UserId(somebody.id))
    secret, step = _bytes(made.secret), totp.step_at(ms(real_clock.now()) // 1000)
    await world.services.identity.factors.confirm(UserId(somebody.id), totp.code(secret, step - 1))
    await grown_old(db, somebody)

    google = await somebody.ask("POST", "/me/step-up/google", json={})
    assert (google.status_code, "code" in google.json()["remedy"]) == (403, True)
    empty = await somebody.ask("POST", "/me/step-up", json={})
    assert (empty.status_code, empty.json()["field"]) == (422, "password")
    code = {"code": totp.code(secret, step)}
    right = somebody.take(await somebody.ask("POST", "/me/step-up", json=code))
    assert right.status_code == 200, right.text
    assert (await somebody.ask("POST", "/tokens", json=TOKEN)).status_code == 201


async def test_a_code_alone_is_no_proof_of_who_has_a_password(world: World) -> None:
    known = await signed_in(world, "ann")

    code = await known.ask("POST", "/me/step-up", json={"code": "123456"})
    assert (code.status_code, code.json()["field"]) == (422, "password")
    google = await known.ask("POST", "/me/step-up/google", json={})
    assert (google.status_code, "password" in google.json()["remedy"]) == (404, True)


# ---- the command line ----------------------------------------------------------------------------


async def test_a_command_line_claims_its_session_once(ann: Browser) -> None:
    verifier = "v" * 43
    query = await ann.ask(await ann.begin(port=5000, challenge=challenge(verifier)))
    answer = await ann.come_back(query)
    where = httpx.URL(answer.headers["location"])
    assert (where.host, where.port, where.path) == ("127.0.0.1", 5000, "/")
    assert "__Host-slipway-refresh" not in ann.cookies
    claim = {"claim": where.params["claim"]}

    for wrong in ("", "w" * 43):
        answer = await ann.post("/sign-in/google/claim", {**claim, "verifier": wrong})
        assert answer.status_code == 403
    right = await ann.post("/sign-in/google/claim", {**claim, "verifier": verifier})
    assert right.status_code == 200
    assert right.json()["access_token"]
    again = await ann.post("/sign-in/google/claim", {**claim, "verifier": verifier})
    assert again.status_code == 403


async def test_a_password_user_still_signs_in_with_the_password(world: World) -> None:
    known = await person(world, "ann")
    assert (await known.sign_in()).status_code == 200


def _bytes(spelled: str) -> bytes:
    return b32decode(spelled)
