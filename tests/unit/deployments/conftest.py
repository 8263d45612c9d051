"""A market that lists instruments, and a strategy that may be deployed."""

import pytest

from control_plane.core.ids import Rng, Tenant
from control_plane.deployments.service import Deployments
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.market import store as market
from control_plane.market.models.catalogue import LISTINGS
from control_plane.settings import FleetSettings
from control_plane.strategies.service import Strategies
from tests.fakes.clock import FakeClock
from tests.fakes.strategies import check_here

ME = Tenant("me")
CODE = (
    "from strategy_runtime import BaseStrategy, param\n"
    "class S(BaseStrategy):\n"
    "    instrument = 'spot:B-BTC_USDT'\n"
    "    resolution = '1m'\n"
    "    fast: int = param(10, ge=2, le=200)\n"
    "    def on_candle(self, candle): pass\n"
)


@pytest.fixture
async def world(memory: Database, rng: Rng) -> Database:
    """Instruments are listed and a strategy named `good` is uploaded."""
    await memory.write(market.list_instruments, [x.instrument for x in LISTINGS], "simulated")
    await Strategies(memory, rng, check_here).upload(ME, "good", CODE)
    return memory


@pytest.fixture
def deployments(world: Database, rng: Rng, clock: FakeClock) -> Deployments:
    # The bus is never connected: hints before it runs are dropped.
    return Deployments(world, Bus("redis://127.0.0.1:1/0", clock), rng, FleetSettings())
