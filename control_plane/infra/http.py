"""The HTTP edge: routers in, one application out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter, Depends, FastAPI, params
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match
from starlette.types import Scope

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.infra.db import Database
from control_plane.infra.http_callers import Authenticate, known_caller, unknown_caller
from control_plane.infra.http_document import document
from control_plane.infra.http_edge import PREFIX, Edge, HostNames
from control_plane.infra.http_limits import RATE_HEADERS, Limits
from control_plane.infra.http_match import Conditional
from control_plane.infra.http_once import HEADER as KEY
from control_plane.infra.http_once import REPLAYED, Once
from control_plane.infra.http_refusals import HANDLERS, Problem


@dataclass(frozen=True)
class HttpOptions:
    hosts: HostNames
    origins: frozenset[str] = frozenset()  # of foreign pages that may call the API
    max_body_bytes: int = 1_000_000
    body_seconds: float = 10.0
    requests_per_minute: int = 600
    burst: int = 120
    version: str = "0"


class Shelf(APIRouter):
    """One router's routes, found by the first word of their address: a request asks each route
    of one shelf whether it is meant, not each of a hundred.
    """

    def __init__(self, router: APIRouter, dependencies: Sequence[params.Depends]) -> None:
        super().__init__()
        self.words = {_word(f"{PREFIX}{getattr(route, 'path', '')}") for route in router.routes}
        self.include_router(router, prefix=PREFIX, dependencies=dependencies)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(scope) if _word(scope["path"]) in self.words else (Match.NONE, {})


def _word(path: str) -> str:
    return path[len(PREFIX) + 1 :].partition("/")[0]


def create_app(
    *,
    routers: Sequence[APIRouter],
    pages: Sequence[APIRouter],
    doors: Sequence[APIRouter] = (),
    authenticate: Authenticate,
    db: Database,
    clock: Clock,
    rng: Rng,
    options: HttpOptions,
) -> FastAPI:
    """`routers` and `doors` stand below /api/v1: the first for somebody we know, the others are how
    one becomes known. `pages` guard themselves.
    """
    app = FastAPI(
        title="Slipway",
        version=options.version,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # both would fetch scripts from somebody else's host
        redoc_url=None,
        responses={"4XX": {"model": Problem, "description": "A refusal that explains itself"}},
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.authenticate = authenticate
    app.state.limits = Limits(clock.monotonic, options.requests_per_minute, options.burst)
    for router in routers:
        app.include_router(Shelf(router, [Depends(known_caller)]))
    for router in doors:
        app.include_router(Shelf(router, [Depends(unknown_caller)]))
    for router in pages:
        app.include_router(router, include_in_schema=False)
    opened = {str(getattr(route, "name", "")) for router in doors for route in router.routes}
    app.openapi = partial(document, app, opened)  # type: ignore[method-assign] # as FastAPI documents it
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(Conditional, prefix=PREFIX)
    app.add_middleware(Once, db=db, rng=rng, prefix=PREFIX)
    app.add_middleware(
        Edge,
        clock=clock,
        rng=rng,
        hosts=options.hosts,
        origins=options.origins,
        max_body_bytes=options.max_body_bytes,
        body_seconds=options.body_seconds,
    )
    if options.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(options.origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", KEY, "If-Match", "If-None-Match"],
            expose_headers=["ETag", "Retry-After", REPLAYED, *RATE_HEADERS, "X-Request-Id"],
            allow_credentials=False,  # a token is sent on purpose, a cookie is not
        )
    return app
