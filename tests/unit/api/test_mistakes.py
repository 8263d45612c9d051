"""What people get wrong about who they are and what they send: each mistake has the status that the
document gives for that very route, and a sentence that helps. None says whether a user exists.
"""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from control_plane.infra.http_document import operations
from tests.fakes.clock import FakeClock
from tests.fakes.site import CODE, World
from tests.unit.api.people import ADDRESS, PASSWORD, Person, person, signed_in

PAPER = {"name": "practice", "currency": "INR", "amount": "1000"}
Doing = Callable[[World, FakeClock], Awaitable[httpx.Response]]


async def _wrong_password(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await person(world, "ann")
    return await ann.client.post("/sessions", json={"email": ann.email, "password": "not hers"})


async def _unknown_address(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await person(world, "ann")
    body = {"email": "nobody@example.com", "password": "not hers"}
    return await ann.client.post("/sessions", json=body)


async def _hasty_guesser(world: World, clock: FakeClock) -> httpx.Response:
    for _ in range(5):
        answer = await _again(await _guesser(world))
    return answer


async def _guesser(world: World) -> Person:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url=ADDRESS)
    return Person(client, "", "ann@example.com")


async def _again(guesser: Person) -> httpx.Response:
    body = {"email": guesser.email, "password": "a guess"}
    return await guesser.client.post("/sessions", json=body)


async def _malformed_address(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await _guesser(world)
    return await ann.client.post("/sign-up", json={"email": "ann at example", "password": PASSWORD})


async def _expired_token(world: World, clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    await clock.advance(601)
    return await ann.ask("GET", "/me")


async def _token_of_tomorrow(world: World, clock: FakeClock) -> httpx.Response:
    """As of a server whose clock is an hour ahead."""
    ann = await signed_in(world, "ann")
    issuer = world.services.identity.sessions.issuer
    ahead = int(clock.now().timestamp()) + 3_600
    ann.access = issuer.sign(issuer.claims(ann.id, ann.session, "at1", ahead, ("pwd",), ahead))
    return await ann.ask("GET", "/me")


async def _reused_refresh_token(world: World, clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    old = ann.refresh
    ann.take(await ann.renew())
    await clock.advance(60)
    return await ann.renew(refresh=old)


async def _revoked_token(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    made = (await ann.ask("POST", "/tokens", json={"name": "n", "scopes": ["trade"]})).json()
    await ann.ask("DELETE", f"/tokens/{made['id']}")
    ann.access = made["token"]
    return await ann.ask("POST", "/accounts/paper", json=PAPER)


async def _token_without_the_scope(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    made = (await ann.ask("POST", "/tokens", json={"name": "n", "scopes": ["read"]})).json()
    ann.access = made["token"]
    return await ann.ask("POST", "/accounts/paper", json=PAPER)


async def _wrong_role(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    return await ann.ask("POST", "/strategies", json={"name": "cross", "code": CODE})


async def _proof_of_long_ago(world: World, clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    await clock.advance(301)
    return await ann.ask("POST", "/tokens", json={"name": "n", "scopes": ["read"]})


async def _oversized_upload(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann", "author")
    files = {"code": ("a.py", b"#" * 1_100_000)}
    return await ann.ask("POST", "/strategies/files", data={"name": "cross"}, files=files)


async def _oversized_code(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann", "author")
    return await ann.ask("POST", "/strategies", json={"name": "cross", "code": "#" * 400_000})


async def _unknown_field(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    return await ann.ask("POST", "/accounts/paper", json={**PAPER, "is_admin": True})


async def _mistyped_filter(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    return await ann.ask("GET", "/trades?sate=closed")


async def _filter_twice(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    return await ann.ask("GET", "/trades?state=closed&state=exiting")


async def _no_json(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    return await ann.ask("POST", "/accounts/paper", content=b"{")


async def _no_body(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    return await ann.ask("POST", "/accounts/paper")


async def _nul_in_a_name(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    return await ann.ask("POST", "/accounts/paper", json={**PAPER, "name": "a\0b"})


async def _nul_in_a_path(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    return await ann.ask("GET", "/accounts/a%00b/balances")


async def _nul_in_a_filter(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann")
    return await ann.ask("GET", "/accounts?name=%00")


async def _half_a_character(world: World, _clock: FakeClock) -> httpx.Response:
    ann = await signed_in(world, "ann", "author")
    body = b'{"strategy": "cross", "parameters": {"fast": "\\ud800"}}'
    headers = {"Authorization": f"Bearer {ann.access}", "Content-Type": "application/json"}
    return await ann.client.post("/deployments", content=body, headers=headers)


async def _anothers_account(world: World, _clock: FakeClock) -> httpx.Response:
    ann, bob = await signed_in(world, "ann"), await signed_in(world, "bob")
    made = (await ann.ask("POST", "/accounts/paper", json=PAPER)).json()
    return await bob.ask("GET", f"/accounts/{made['id']}/balances")


MISTAKES: list[tuple[Doing, str, int, str | None]] = [
    (_wrong_password, "sign_in", 401, None),
    (_unknown_address, "sign_in", 401, None),
    (_hasty_guesser, "sign_in", 429, None),
    (_malformed_address, "sign_up", 422, "email"),
    (_expired_token, "who_am_i", 401, None),
    (_token_of_tomorrow, "who_am_i", 401, None),
    (_reused_refresh_token, "refresh_session", 401, None),
    (_revoked_token, "open_paper_account", 401, None),
    (_token_without_the_scope, "open_paper_account", 403, None),
    (_wrong_role, "upload_strategy", 403, None),
    (_proof_of_long_ago, "make_token", 403, None),
    (_oversized_upload, "upload_strategy_files", 413, None),
    (_oversized_code, "upload_strategy", 422, "code"),
    (_unknown_field, "open_paper_account", 422, "is_admin"),
    (_mistyped_filter, "list_trades", 422, "sate"),
    (_filter_twice, "list_trades", 422, "state"),
    (_no_json, "open_paper_account", 422, None),
    (_no_body, "open_paper_account", 422, None),
    (_nul_in_a_name, "open_paper_account", 422, "name"),
    (_nul_in_a_path, "list_balances", 404, None),
    (_nul_in_a_filter, "list_accounts", 422, None),
    (_half_a_character, "deploy", 422, "parameters"),
    (_anothers_account, "list_balances", 404, "account_id"),
]


@pytest.mark.parametrize(
    ("mistake", "operation", "status", "field"),
    [pytest.param(*row, id=row[0].__name__.strip("_")) for row in MISTAKES],
)
async def test_a_mistake_is_answered_as_documented_and_in_words(
    world: World,
    clock: FakeClock,
    mistake: Doing,
    operation: str,
    status: int,
    field: str | None,
) -> None:
    answer = await mistake(world, clock)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["detail"]
    assert problem["remedy"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem.get("field") == field
    assert str(status) in _documented(world, operation)


async def test_a_throttle_says_in_its_header_when_to_come_back(
    world: World, clock: FakeClock
) -> None:
    throttled = await _hasty_guesser(world, clock)
    await clock.advance(float(throttled.headers["retry-after"]))

    assert (await _again(await _guesser(world))).status_code == 401


async def test_who_is_unknown_and_who_is_wrong_are_told_the_same(
    world: World, clock: FakeClock
) -> None:
    wrong = (await _wrong_password(world, clock)).json()
    unknown = await (await _guesser(world)).client.post(
        "/sessions", json={"email": "nobody@example.com", "password": "not hers"}
    )

    assert {**unknown.json(), "request_id": ""} == {**wrong, "request_id": ""}


def _documented(world: World, operation_id: str) -> set[str]:
    return next(
        set(operation["responses"])
        for _, _, operation in operations(world.app.openapi())
        if operation["operationId"] == operation_id
    )
