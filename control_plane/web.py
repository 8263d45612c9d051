"""Everything that is reached over HTTP, put together: which routes there are, who may use them,
and on which socket.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI

from control_plane.accounts.api import account_routes
from control_plane.accounts.service import Accounts, Users
from control_plane.backtests import api as backtests
from control_plane.backtests.service import Backtests
from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.dashboard import api as dashboard
from control_plane.dashboard.service import Dashboard
from control_plane.deployments import api as deployments
from control_plane.deployments.service import Deployments
from control_plane.infra.db import Database
from control_plane.infra.health import Health, health_routes
from control_plane.infra.http import HttpOptions, create_app
from control_plane.infra.http_edge import HostNames
from control_plane.infra.http_server import HttpServer
from control_plane.jobs import api as jobs
from control_plane.jobs.service import Jobs
from control_plane.keys import api as keys
from control_plane.keys.service import Keys
from control_plane.live import api as live
from control_plane.live.service import Hub
from control_plane.market import api as market
from control_plane.market.service import Market
from control_plane.orders import api as orders
from control_plane.orders.service.by_hand import Hands
from control_plane.orders.service.halting import Halts
from control_plane.orders.service.previewing import Previews
from control_plane.sessions.api.doors import doors
from control_plane.sessions.api.federated import federated_doors, my_google_routes
from control_plane.sessions.api.mine import my_routes, people_routes, token_routes
from control_plane.sessions.api.who import Authenticator
from control_plane.sessions.service import Identity
from control_plane.settings import Settings
from control_plane.signals import api as signals
from control_plane.strategies import api as strategies
from control_plane.strategies.service import Strategies
from control_plane.subscriptions import api as subscriptions
from control_plane.subscriptions.api.previewing import preview_routes
from control_plane.subscriptions.service import Subscriptions


@dataclass(frozen=True)
class Services:
    """What the routes call."""

    db: Database
    users: Users
    identity: Identity
    accounts: Accounts
    keys: Keys
    strategies: Strategies
    market: Market
    jobs: Jobs
    backtests: Backtests
    deployments: Deployments
    subscriptions: Subscriptions
    previews: Previews
    halts: Halts
    hands: Hands
    health: Health
    dashboard: Dashboard
    live: Hub


@dataclass(frozen=True)
class Site:
    """The application on its socket: one task among the others."""

    app: FastAPI
    server: HttpServer

    async def run(self) -> None:
        await self.server.run(self.app)

    def stop(self) -> None:
        self.server.stop()


def build(services: Services, settings: Settings, clock: Clock, rng: Rng, token: str) -> FastAPI:
    ours = version("slipway")
    who = services.identity
    private = is_private(settings)
    return create_app(
        routers=_routers(services),
        pages=[
            health_routes(services.health),
            dashboard.page_routes(services.dashboard, is_private=private),
            live.page_routes(who.tickets, is_private=private),
        ],
        doors=[
            doors(who.sessions, who.letters),
            federated_doors(who.federation),
            live.socket_route(services.live),
        ],
        authenticate=Authenticator(
            services.users,
            who.sessions,
            who.tokens,
            who.factors,
            who.tickets,
            token,
            settings.accounts.admin_second_factor,
        ),
        db=services.db,
        clock=clock,
        rng=rng,
        options=HttpOptions(
            hosts=HostNames(frozenset(settings.http.hosts)),
            origins=frozenset(settings.http.origins),
            max_body_bytes=settings.http.max_body_bytes,
            body_seconds=settings.http.body_seconds,
            requests_per_minute=settings.http.requests_per_minute,
            burst=settings.http.burst,
            version=ours,
        ),
    )


class _Nobody:
    """A description needs no machine behind it: routes are looked at, and never called."""

    def __getattr__(self, name: str) -> "_Nobody":
        return self


def document() -> dict[str, Any]:
    """The OpenAPI document of this very version."""
    nobody: Any = _Nobody()
    return build(nobody, Settings.model_construct(), nobody, nobody, "").openapi()


def _routers(services: Services) -> Sequence[APIRouter]:
    return (
        my_routes(services.identity.sessions, services.identity.factors),
        my_google_routes(services.identity.federation),
        token_routes(services.identity.tokens),
        people_routes(services.identity.people, services.identity.letters),
        account_routes(services.accounts),
        keys.routes(services.keys, services.accounts),
        keys.exchange_routes(services.keys),
        market.routes(services.market),
        strategies.routes(services.strategies),
        jobs.routes(services.jobs),
        backtests.routes(services.backtests),
        deployments.watching_routes(services.deployments),
        deployments.routes(services.deployments),
        deployments.turn_routes(services.deployments),
        deployments.shadow_routes(services.deployments),
        deployments.event_routes(services.deployments),
        subscriptions.routes(services.subscriptions, services.db),
        subscriptions.change_routes(services.subscriptions),
        preview_routes(services.previews),
        signals.routes(services.db),
        orders.routes(services.db),
        orders.story_routes(services.db, services.hands),
        orders.alarm_routes(services.db),
        orders.halt_routes(services.halts),
        dashboard.event_routes(services.db),
        live.ticket_routes(services.identity.tickets),
    )


def screen(db: Database, clock: Clock, health: Health, market: Market) -> Dashboard:
    return Dashboard(db, clock, health, market.last, version("slipway"))


def is_private(settings: Settings) -> bool:
    """Whether only this machine can reach the server: not bound beyond it, no proxy before it."""
    if settings.http.hosts:
        return False
    try:
        return ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        return settings.host == "localhost"
