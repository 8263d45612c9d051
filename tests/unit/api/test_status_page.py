"""The page and its figures: open where only this machine reaches us, closed anywhere else."""

from collections.abc import AsyncIterator

import httpx
import pytest

from control_plane import web
from control_plane.settings import HttpSettings, Settings
from tests.fakes.site import TOKEN, World
from tests.unit.api.conftest import ADDRESS


@pytest.fixture
async def abroad(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The same Slipway, bound beyond this machine."""
    services, rng = world.services, world.services.users.rng
    settings = Settings(_env_file=None, host="0.0.0.0")
    app = web.build(services, settings, services.users.clock, rng, TOKEN)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ADDRESS) as client:
        yield client


async def test_an_empty_slipway_has_an_empty_picture(anybody: httpx.AsyncClient) -> None:
    status = (await anybody.get("/status.json")).json()

    assert status["counts"] == {
        "deployments": 0,
        "running": 0,
        "signals": 0,
        "orders": 0,
        "trades": 0,
    }
    assert status["missing"] == []


async def test_each_deployment_is_on_it_with_its_state(
    anybody: httpx.AsyncClient, deployed: str
) -> None:
    status = (await anybody.get("/status.json")).json()

    (ship,) = status["deployments"]
    assert (ship["id"], ship["name"], ship["strategy"]) == (deployed, "night", "cross")
    assert ship["observed"] == "pending"
    assert status["counts"]["deployments"] == 1


@pytest.mark.parametrize(
    "path", ["/", "/static/status.js", "/static/status.css", "/static/mark.svg"]
)
async def test_the_page_and_its_parts_are_served(anybody: httpx.AsyncClient, path: str) -> None:
    answer = await anybody.get(path)

    assert answer.status_code == 200
    assert "charset" in answer.headers["content-type"] or path.endswith("svg")


async def test_no_other_file_is_served(anybody: httpx.AsyncClient) -> None:
    assert (await anybody.get("/static/..%2fapi.py")).status_code == 404
    assert (await anybody.get("/static/api.py")).status_code == 404


async def test_the_page_holds_nothing_that_its_policy_forbids(anybody: httpx.AsyncClient) -> None:
    text = (await anybody.get("/")).text

    assert "<style" not in text
    assert "style=" not in text
    assert "onclick" not in text
    assert text.count("<script") == text.count('<script src="/static/')


@pytest.mark.parametrize("path", ["/", "/status.json", "/static/status.js"])
async def test_beyond_this_machine_the_page_asks_who_it_is(
    abroad: httpx.AsyncClient, path: str
) -> None:
    anybody = await abroad.get(path)
    known = await abroad.get(path, headers={"Authorization": f"Bearer {TOKEN}"})

    assert anybody.status_code == 401
    assert "Basic" in anybody.headers["www-authenticate"]
    assert known.status_code == 200


@pytest.mark.parametrize(
    ("host", "names", "private"),
    [
        ("127.0.0.1", (), True),
        ("::1", (), True),
        ("localhost", (), True),
        ("0.0.0.0", (), False),
        ("192.168.1.5", (), False),
        ("slipway.local", (), False),
        ("127.0.0.1", ("slipway.example",), False),
    ],
)
def test_a_proxy_or_an_address_abroad_closes_the_page(
    host: str, names: tuple[str, ...], private: bool
) -> None:
    settings = Settings(_env_file=None, host=host, http=HttpSettings(hosts=names))

    assert web.is_private(settings) is private
