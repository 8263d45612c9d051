"""A whole API over real services: only the clock, the bus and the check of strategies are stood in
for.
"""

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from fastapi import FastAPI

from control_plane import web
from control_plane.accounts.models import FirstUser
from control_plane.accounts.service import Accounts, Users
from control_plane.backtests.service import Backtests
from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.deployments.service import Deployments
from control_plane.infra import keyring, wall
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.infra.health import Health
from control_plane.infra.mail import Letter
from control_plane.infra.net import Net
from control_plane.infra.passwords import Passwords
from control_plane.infra.rootkey import RootKey
from control_plane.jobs.service import Jobs
from control_plane.keys.service import Keys
from control_plane.live.service import Hub
from control_plane.market import store as market
from control_plane.market.models.catalogue import LISTINGS
from control_plane.market.service import Market
from control_plane.orders.service.by_hand import Hands
from control_plane.orders.service.halting import Halts
from control_plane.orders.service.previewing import Previews
from control_plane.orders.service.reading import has_open_trade
from control_plane.roles import capacities
from control_plane.sessions.service import identity
from control_plane.settings import Settings
from control_plane.strategies.service import Strategies
from control_plane.subscriptions.service import Subscriptions
from tests.canary import MARK
from tests.fakes.net import nowhere
from tests.fakes.strategies import check_here

INSTALLATION = "inhere"
TOKEN = f"slo_{MARK}"
CODE = """
from strategy_runtime import BaseStrategy, param

class Crossover(BaseStrategy):
    instrument = "spot:B-BTC_USDT"
    resolution = "1m"
    fast: int = param(10, ge=2, le=200)

    def on_candle(self, candle):
        pass
"""


@dataclass
class Post:
    """Keeps the letters."""

    letters: list[Letter] = field(default_factory=list)

    def send(self, letter: Letter) -> None:
        self.letters.append(letter)


@dataclass(frozen=True)
class World:
    app: FastAPI
    services: web.Services
    first_user: FirstUser
    post: Post


async def make_world(
    db: Database, clock: Clock, rng: Rng, *, net: Net | None = None, **overrides: Any
) -> World:
    """Instruments are listed and the first user is made; nothing else is there."""
    await db.write(market.list_instruments, [one.instrument for one in LISTINGS], "simulated")
    # The bus is never connected: hints before it runs are dropped.
    bus = Bus("redis://127.0.0.1:1/0", clock)
    settings = Settings(_env_file=None, **{"http": {"burst": 10_000}, **overrides})
    users = Users(db, clock, rng, Passwords(rng, memory_kib=8, passes=1))
    post = Post()
    folder = Path(mkdtemp(prefix="slipway-world-"))
    keyring.ensure(folder, rng)
    who = identity(users, RootKey(rng.bytes(32)), post, settings, net or nowhere())
    listed, health = Market(db, bus), Health({})
    screen = web.screen(db, clock, health, listed)
    services = web.Services(
        db=db,
        users=users,
        identity=who,
        accounts=Accounts(db, rng, is_busy=has_open_trade),
        keys=Keys(db, rng, INSTALLATION, folder, bus),
        strategies=Strategies(db, rng, check_here),
        market=listed,
        jobs=Jobs(db, bus),
        backtests=Backtests(db, bus, rng, settings.jobs),
        deployments=Deployments(db, bus, rng, settings.fleet),
        subscriptions=Subscriptions(db, rng, bus, capacities(settings)),
        previews=Previews(db, capacities(settings)),
        halts=Halts(db, bus),
        health=health,
        dashboard=screen,
        live=Hub(db, clock, settings.live, who.standing.of, screen.picture),
        hands=Hands(db, bus, rng),
    )
    with wall.acting_for(wall.EVERYBODY):
        # A second process on one database finds it made.
        first = await services.users.ensure_first() or FirstUser("", "")
    return World(web.build(services, settings, clock, rng, TOKEN), services, first, post)
