"""The status page in a real browser."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect
from sqlalchemy import insert

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng, Tenant
from control_plane.deployments.models.status import Order
from control_plane.infra import db
from control_plane.infra.db import Tx
from control_plane.infra.http_server import HttpServer
from control_plane.signals.store.tables import signals
from control_plane.tables import SCHEMA
from tests.fakes.site import CODE, World, make_world
from tests.services import BROWSERS

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--disable-gpu",
]
XSS = "<img src=x onerror=\"document.title='broken'\">"


@pytest.fixture
async def world(tmp_path: Path, real_clock: Clock, rng: Rng) -> AsyncIterator[World]:
    database = db.connect(f"sqlite:///{tmp_path / 'page.db'}", real_clock)
    SCHEMA.create_all(database.engine)
    yield await make_world(database, real_clock, rng)
    database.close()


@pytest.fixture
async def server(world: World) -> AsyncIterator[HttpServer]:
    server = HttpServer("127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        hub = group.create_task(world.services.live.run())
        group.create_task(server.run(world.app))
        yield server
        server.stop()
        hub.cancel()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser, server: HttpServer) -> AsyncIterator[Page]:
    """The page, open; whatever its console complains about fails the test."""
    page = await browser.new_page(viewport={"width": 390, "height": 844})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    await page.goto(server.address)
    yield page
    assert [line for line in complaints if "ERR_CONNECTION" not in line] == []


async def _deploy(world: World, name: str) -> str:
    tenant = Tenant((await world.services.users.operated()).id)
    await world.services.strategies.upload(tenant, "cross", CODE)
    made = await world.services.deployments.deploy(tenant, Order("cross", name=name))
    return made.id


def _say(tx: Tx, deployment: str) -> None:
    now = tx.now_ms()
    tx.run(
        insert(signals),
        {
            "id": "sg1",
            "deployment_id": deployment,
            "tenant": "",
            "shard": 0,
            "instrument": "spot:B-BTC_USDT",
            "trigger": "1m:0",
            "trigger_open_ms": 0,
            "generation": 1,
            "kind": "entry",
            "action": "LONG",
            "price": Decimal("80123.45"),
            "reason": "",
            "state": "refused",
            "refusal": XSS,
            "seed": 0,
            "published_ms": now,
            "decided_ms": now,
            "accepted_ms": now,
        },
    )


async def test_an_empty_slipway_says_what_to_do_next(page: Page) -> None:
    await expect(page.locator("#fleet-empty")).to_contain_text("slipway demo")
    await expect(page.locator("#link")).to_have_text("live")


async def test_what_happens_appears_without_a_reload(page: Page, world: World) -> None:
    await expect(page.locator("#count-signals")).to_have_text("0")

    deployment = await _deploy(world, "night shift")
    await world.services.db.write(_say, deployment)

    await expect(page.locator(".ship h3")).to_have_text("night shift")
    await expect(page.locator("#signals tbody tr")).to_contain_text("80,123.45")
    await expect(page.locator("#count-signals")).to_have_text("1")


@pytest.mark.attack("U7")
async def test_what_came_from_outside_is_never_markup(page: Page, world: World) -> None:
    deployment = await _deploy(world, XSS)
    await world.services.db.write(_say, deployment)

    await expect(page.locator(".ship h3")).to_have_text(XSS)
    await expect(page.locator("#signals tbody .why")).to_have_text(XSS)
    assert await page.title() == "Slipway"


async def test_nothing_overflows_on_a_phone(page: Page, world: World) -> None:
    await _deploy(world, "a" * 90)
    await expect(page.locator(".ship h3")).to_be_visible()

    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_lost_server_is_said_and_found_again(
    page: Page, server: HttpServer, world: World
) -> None:
    await expect(page.locator("#link")).to_have_text("live")
    server.stop()
    await expect(page.locator("#banner")).to_contain_text("Not connected", timeout=15_000)

    again = HttpServer("127.0.0.1", server.port)
    async with asyncio.TaskGroup() as group:
        group.create_task(again.run(world.app))
        await expect(page.locator("#banner")).to_be_hidden(timeout=15_000)
        await expect(page.locator("#link")).to_have_text("live")
        again.stop()


async def test_the_page_listens_and_does_not_ask_again(page: Page, world: World) -> None:
    asked: list[str] = []
    await expect(page.locator("#link")).to_have_text("live")
    page.on("request", lambda request: asked.append(request.url))

    await _deploy(world, "night shift")

    await expect(page.locator(".ship h3")).to_have_text("night shift")
    assert asked == []


async def test_where_nothing_can_be_heard_the_page_asks_every_second(
    page: Page, world: World
) -> None:
    await page.route("**/status/ticket", lambda route: route.abort("connectionrefused"))
    await page.reload()
    await expect(page.locator("#link")).to_have_text("live")

    await _deploy(world, "night shift")

    await expect(page.locator(".ship h3")).to_have_text("night shift")


async def test_the_page_is_walked_with_the_keyboard(page: Page) -> None:
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#fleet")).to_be_focused()
