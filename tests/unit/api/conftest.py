"""The whole API in process: real services over a database in memory, no socket."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI

from control_plane import web
from control_plane.accounts.models import FirstUser
from control_plane.accounts.service import Accounts, Users
from control_plane.core.ids import Rng
from control_plane.deployments.service import Deployments
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.infra.health import Health
from control_plane.infra.passwords import Passwords
from control_plane.market import store as market
from control_plane.market.models.catalogue import LISTINGS
from control_plane.market.service import Market
from control_plane.settings import Settings
from control_plane.strategies.service import Strategies
from control_plane.subscriptions.service import Subscriptions
from tests.fakes.clock import FakeClock
from tests.fakes.strategies import check_here

TOKEN = "slo_0123456789abcdef"
ADDRESS = "http://127.0.0.1:8000"
CODE = """
from strategy_runtime import BaseStrategy, param

class Crossover(BaseStrategy):
    instrument = "spot:B-BTC_USDT"
    resolution = "1m"
    fast: int = param(10, ge=2, le=200)

    def on_candle(self, candle):
        pass
"""

Ask = Callable[..., Awaitable[httpx.Response]]


@dataclass(frozen=True)
class World:
    app: FastAPI
    services: web.Services
    first_user: FirstUser


@pytest.fixture
async def world(memory: Database, clock: FakeClock, rng: Rng) -> World:
    await memory.write(market.list_instruments, [one.instrument for one in LISTINGS], "simulated")
    # The bus is never connected: hints before it runs are dropped.
    bus = Bus("redis://127.0.0.1:1/0", clock)
    settings = Settings(_env_file=None)
    services = web.Services(
        db=memory,
        users=Users(memory, clock, rng, Passwords(rng, memory_kib=8, passes=1)),
        accounts=Accounts(memory, rng, is_busy=lambda _tx, _account: False),
        strategies=Strategies(memory, rng, check_here),
        market=Market(memory, bus),
        deployments=Deployments(memory, bus, rng, settings.fleet),
        subscriptions=Subscriptions(memory, rng),
        health=Health({}),
    )
    first = await services.users.ensure_first()
    assert first is not None
    return World(web.build(services, settings, clock, rng, TOKEN), services, first)


@pytest.fixture
async def anybody(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(world.app)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        yield client


@pytest.fixture
async def operator(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(world.app),
        base_url=f"{ADDRESS}/api/v1",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:
        yield client


@pytest.fixture
async def deployed(operator: httpx.AsyncClient) -> str:
    """The id of a deployment of an uploaded strategy."""
    uploaded = await operator.post("/strategies", json={"name": "cross", "code": CODE})
    assert uploaded.status_code == 201, uploaded.text
    made = await operator.post("/deployments", json={"strategy": "cross", "name": "night"})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


@pytest.fixture
async def account(operator: httpx.AsyncClient) -> str:
    """The id of a paper account."""
    body = {"name": "practice", "currency": "USDT", "amount": "10000"}
    return str((await operator.post("/accounts/paper", json=body)).json()["id"])
