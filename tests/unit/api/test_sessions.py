"""Sessions: what keeps them going, and everything that ends them."""

import pytest
from sqlalchemy import select

from control_plane.infra.db import Database
from control_plane.sessions.models.session import Device
from control_plane.sessions.store.tables import renewals, sessions
from tests.fakes.clock import FakeClock
from tests.fakes.site import World
from tests.unit.api.people import PASSWORD, person, refresh_of, signed_in


async def test_a_session_says_who_it_is(world: World) -> None:
    ann = await signed_in(world, "ann")

    assert (await ann.ask("GET", "/me")).json()["name"] == "ann@example.com"


async def test_the_cookies_are_for_this_host_and_scripts_see_one_of_them(world: World) -> None:
    ann = await person(world, "ann")
    refresh, csrf = (await ann.sign_in()).headers.get_list("set-cookie")

    for cookie in (refresh, csrf):
        assert cookie.startswith("__Host-")
        assert all(word in cookie for word in ("Secure", "SameSite=strict", "Path=/"))
        assert "Domain" not in cookie
    assert "HttpOnly" in refresh
    assert "HttpOnly" not in csrf


@pytest.mark.attack("T11")
async def test_each_sign_in_is_a_new_session(world: World) -> None:
    ann = await signed_in(world, "ann")
    first = ann.session
    await ann.sign_in()

    assert ann.session != first
    assert len((await ann.ask("GET", "/sessions")).json()["items"]) == 2


async def test_a_renewal_gives_another_refresh_token(world: World) -> None:
    ann = await signed_in(world, "ann")
    first = ann.refresh
    ann.take(await ann.renew())

    assert ann.refresh != first
    assert (await ann.ask("GET", "/me")).status_code == 200


@pytest.mark.attack("T8")
async def test_a_lost_reply_is_given_once_more(world: World, clock: FakeClock) -> None:
    ann = await signed_in(world, "ann")
    first = await ann.renew()
    await clock.advance(9)
    second = await ann.renew()

    assert refresh_of(first) == refresh_of(second)


@pytest.mark.attack("T7")
async def test_a_used_refresh_token_that_comes_later_ends_the_session(
    world: World, clock: FakeClock
) -> None:
    ann = await signed_in(world, "ann")
    stolen = ann.refresh
    ann.take(await ann.renew())
    await clock.advance(11)

    assert (await ann.renew(stolen)).status_code == 401
    assert (await ann.renew()).status_code == 401
    assert (await ann.ask("GET", "/me")).status_code == 401
    assert world.post.letters[-1].to == "ann@example.com"


@pytest.mark.attack("T7")
async def test_a_used_refresh_token_from_another_device_ends_the_session_at_once(
    world: World,
) -> None:
    ann = await signed_in(world, "ann")
    stolen = ann.refresh
    ann.take(await ann.renew())

    assert (await ann.renew(stolen, agent="thief")).status_code == 401
    assert (await ann.renew()).status_code == 401


@pytest.mark.parametrize("csrf", ["nonsense", "0" * 64])
@pytest.mark.attack("U6")
async def test_a_renewal_without_the_right_header_changes_nothing(world: World, csrf: str) -> None:
    ann = await signed_in(world, "ann")

    assert (await ann.renew(csrf=csrf)).status_code == 401
    assert (await ann.renew()).status_code == 200


@pytest.mark.attack("U6")
async def test_a_foreign_page_cannot_renew(world: World) -> None:
    ann = await signed_in(world, "ann")
    headers = {
        "Cookie": f"__Host-slipway-refresh={ann.refresh}",
        "X-CSRF-Token": ann.csrf,
        "Sec-Fetch-Site": "cross-site",
    }

    assert (await ann.client.post("/sessions/refresh", headers=headers)).status_code == 403


async def test_half_an_hour_without_use_ends_a_session(world: World, clock: FakeClock) -> None:
    ann = await signed_in(world, "ann")
    await clock.advance(29 * 60)
    ann.take(await ann.renew())
    await clock.advance(29 * 60)
    assert ann.take(await ann.renew()).status_code == 200

    await clock.advance(30 * 60)
    assert (await ann.renew()).status_code == 401


@pytest.mark.attack("T6")
async def test_an_access_token_is_good_for_ten_minutes(world: World, clock: FakeClock) -> None:
    ann = await signed_in(world, "ann")
    await clock.advance(599)
    assert (await ann.ask("GET", "/me")).status_code == 200
    await clock.advance(1)

    refused = await ann.ask("GET", "/me")
    assert refused.status_code == 401
    assert refused.json()["remedy"]


@pytest.mark.attack("T6")
async def test_a_revoked_session_is_out_at_once(world: World) -> None:
    ann = await signed_in(world, "ann")
    revoked = await ann.ask("DELETE", f"/sessions/{ann.session}")

    assert revoked.status_code == 204
    assert (await ann.ask("GET", "/me")).status_code == 401
    assert (await ann.renew()).status_code == 401


async def test_nobody_ends_somebody_elses_session(world: World) -> None:
    ann, bob = await signed_in(world, "ann"), await signed_in(world, "bob")

    assert (await bob.ask("DELETE", f"/sessions/{ann.session}")).status_code == 404
    assert (await ann.ask("GET", "/me")).status_code == 200


async def test_signing_out_needs_no_more_than_the_cookie(world: World) -> None:
    ann = await signed_in(world, "ann")
    headers = {"Cookie": f"__Host-slipway-refresh={ann.refresh}", "X-CSRF-Token": ann.csrf}

    assert (await ann.client.post("/sessions/end", headers=headers)).status_code == 204
    assert (await ann.ask("GET", "/me")).status_code == 401


@pytest.mark.attack("T15")
async def test_another_password_ends_every_other_session(world: World) -> None:
    here = await signed_in(world, "ann")
    there = await signed_in_again(world, here.email)
    body = {"current_password": PASSWORD, "new_password": "another quiet harbour"}

    assert (await here.ask("POST", "/me/password", json=body)).status_code == 204
    assert (await here.ask("GET", "/me")).status_code == 200
    assert (
        await here.client.get("/me", headers={"Authorization": f"Bearer {there}"})
    ).status_code == 401


@pytest.mark.attack("T6")
async def test_what_is_sensitive_needs_a_fresh_proof(world: World, clock: FakeClock) -> None:
    ann = await signed_in(world, "ann")
    await clock.advance(301)
    body = {"name": "report", "scopes": ["read"]}
    stale = await ann.ask("POST", "/tokens", json=body)
    before = ann.session

    ann.take(await ann.ask("POST", "/me/step-up", json={"password": PASSWORD}))

    assert stale.status_code == 403
    assert "step-up" in stale.json()["remedy"]
    assert ann.session != before
    assert (await ann.ask("POST", "/tokens", json=body)).status_code == 201


@pytest.mark.attack("T14")
async def test_the_database_holds_no_token(world: World, memory: Database) -> None:
    ann = await signed_in(world, "ann")
    ann.take(await ann.renew())

    kept = await memory.read(lambda tx: [*tx.all(select(renewals)), *tx.all(select(sessions))])

    text = repr(kept)
    assert ann.refresh not in text
    assert ann.access not in text


async def signed_in_again(world: World, email: str) -> str:
    """An access token of the same user, from another device."""
    user = await world.services.users.sign_in(email, PASSWORD, "127.0.0.1")
    opened = world.services.identity.sessions.open_for(user, ("pwd",), Device("x", "127.0.0.1"))
    return (await opened).access_token
