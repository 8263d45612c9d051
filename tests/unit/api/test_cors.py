"""Pages of other origins: refused, unless a setting names them."""

import httpx
import pytest

from control_plane.core.ids import Rng
from control_plane.errors import Invalid
from control_plane.infra.db import Database
from control_plane.settings import load
from tests.fakes.clock import FakeClock
from tests.fakes.site import TOKEN, World, make_world

FRIEND, STRANGER = "https://app.example", "https://evil.example"
PAPER = {"name": "practice", "currency": "INR", "amount": "1000"}


@pytest.fixture
async def world(memory: Database, clock: FakeClock, rng: Rng) -> World:
    return await make_world(memory, clock, rng, http={"origins": FRIEND})


def _from(origin: str) -> dict[str, str]:
    return {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Authorization": f"Bearer {TOKEN}"}


async def test_a_page_that_the_setting_names_may_read_and_write(anybody: httpx.AsyncClient) -> None:
    read = await anybody.get("/api/v1/me", headers=_from(FRIEND))
    wrote = await anybody.post("/api/v1/accounts/paper", json=PAPER, headers=_from(FRIEND))

    assert (read.status_code, wrote.status_code) == (200, 201)
    assert read.headers["access-control-allow-origin"] == FRIEND
    assert "access-control-allow-credentials" not in read.headers
    assert "etag" in read.headers["access-control-expose-headers"].lower()


async def test_a_page_that_it_does_not_name_may_neither(anybody: httpx.AsyncClient) -> None:
    read = await anybody.get("/api/v1/me", headers=_from(STRANGER))
    wrote = await anybody.post("/api/v1/accounts/paper", json=PAPER, headers=_from(STRANGER))

    assert "access-control-allow-origin" not in read.headers
    assert wrote.status_code == 403


async def test_a_preflight_says_which_headers_may_come(anybody: httpx.AsyncClient) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,idempotency-key,if-match",
    }
    friend = await anybody.options("/api/v1/tokens", headers={"Origin": FRIEND, **asked})
    stranger = await anybody.options("/api/v1/tokens", headers={"Origin": STRANGER, **asked})

    assert friend.status_code == 200
    assert "idempotency-key" in friend.headers["access-control-allow-headers"].lower()
    assert stranger.status_code == 400
    assert "access-control-allow-origin" not in stranger.headers


def test_by_default_no_page_elsewhere_may_call() -> None:
    assert load().http.origins == ()


@pytest.mark.parametrize("origin", ["*", "app.example", "https://app.example/", "ftp://a.example"])
def test_an_origin_that_is_none_is_refused(origin: str) -> None:
    with pytest.raises(Invalid, match="ORIGINS"):
        load(http={"origins": origin})
