"""The HTTP edge: routers in, one application out, and one table from our errors to statuses.

A refusal leaves as problem details (RFC 9457) that name what is wrong, the field and the remedy.
Anything else that is raised is a bug: it leaves as a 500 that says nothing but its request's id.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response, Security
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBasic, HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng, Tenant
from control_plane.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Missing,
    SlipwayError,
    Unavailable,
)
from control_plane.infra import wall
from control_plane.infra.db import Database
from control_plane.infra.http_document import PROBLEM, document
from control_plane.infra.http_edge import Edge, HostNames, Turned
from control_plane.infra.http_limits import RATE_HEADERS, Limits
from control_plane.infra.http_match import Conditional, Stale
from control_plane.infra.http_once import HEADER as KEY
from control_plane.infra.http_once import REPLAYED, Once, Replayed, begin_once, forget_once

PREFIX = "/api/v1"


class Unauthenticated(Forbidden):
    """Nobody we know asks (401)."""


class Throttled(Unavailable):
    """Too often; the remedy and `Retry-After` say when to come back (429)."""

    def __init__(self, what: str, wait_seconds: float, *, remedy: str = "") -> None:
        self.retry_seconds = max(1, ceil(wait_seconds))
        super().__init__(what, remedy=remedy or f"Try again in {self.retry_seconds} s.")


class NotAllowed(Invalid):
    """The address is there, but not for this method (405)."""


class Listed(Invalid):
    """Several things are wrong at once, and each is named."""

    def __init__(
        self, what: str, *, field: str, remedy: str, errors: Sequence[Mapping[str, str]]
    ) -> None:
        super().__init__(what, field=field, remedy=remedy)
        self.errors = errors


# The most specific class counts.
STATUS: Mapping[type[SlipwayError], int] = {
    Unauthenticated: 401,
    Throttled: 429,
    NotAllowed: 405,
    Stale: 412,
    Missing: 404,
    Conflict: 409,
    Invalid: 422,
    Forbidden: 403,
    Unavailable: 503,
    SlipwayError: 400,
}


@dataclass(frozen=True)
class Caller:
    """Who asks. Rows are theirs by the tenant; an admin sees everybody's."""

    tenant: Tenant
    name: str
    is_admin: bool = False
    is_operator: bool = False  # on the same machine, with the token of the data folder
    is_for_everybody: bool = False  # an admin, at a route that is about everybody
    is_onlooker: bool = False  # nobody: a page of this machine, which may see the status alone
    session: str = ""  # empty: no session, but a token or a password with every request
    token: str = ""  # which personal API token it was
    ends_ms: int | None = None  # what it was proved with is good until then


Authenticate = Callable[[HTTPConnection], Awaitable[Caller]]


async def known_caller(request: Request) -> Caller:
    return await let_in(request)


async def let_in(connection: HTTPConnection) -> Caller:
    """Whoever asks, or opens a live connection: known, and not too often."""
    authenticate: Authenticate = connection.app.state.authenticate
    wall.act_for(wall.EVERYBODY)  # among whom the caller is looked for
    caller = await authenticate(connection)
    wall.act_for(wall.EVERYBODY if caller.is_for_everybody else caller.tenant)
    if not caller.is_operator:
        limits: Limits = connection.app.state.limits
        left = limits.take(caller.tenant)
        connection.scope["slipway.headers"].update(left.headers)
        if left.retry_seconds:
            raise Throttled(
                "You ask too often.",
                left.retry_seconds,
                remedy=f"Go on in {left.retry_seconds} s, and more slowly.",
            )
    return caller


async def unknown_caller() -> None:
    """Whoever is about to become known may turn out to be anybody."""
    wall.act_for(wall.EVERYBODY)


class _Bearer(HTTPBearer):
    """For the schema alone: `known_caller` reads the header."""

    async def __call__(self, request: HTTPConnection) -> None:
        return None


class _Basic(HTTPBasic):
    """For the schema alone: `known_caller` reads the header."""

    async def __call__(self, request: HTTPConnection) -> None:
        return None


DESCRIBED = (
    Security(
        _Bearer(
            scheme_name="token", description="An access token, an API token, or the operator's."
        )
    ),
    Security(_Basic(scheme_name="user", description="E-mail and password.")),
)


async def _admin(caller: Annotated[Caller, Depends(known_caller)]) -> Caller:
    if not caller.is_admin:
        raise Forbidden("Only an admin may do this.", remedy="Ask one.")
    return caller


async def _known_query(request: Request) -> None:
    """A filter with a typing mistake in its name would let everything through."""
    route: APIRoute = request.scope["route"]
    known = _query_names(route.dependant)
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            raise Invalid(
                f"There is no parameter {name[:60]!r} here.",
                field=name[:60],
                remedy=f"There are: {', '.join(sorted(known))}." if known else "Leave it out.",
            )
        if given.count(name) > 1:
            raise Invalid(f"{name} comes more than once.", field=name, remedy="Send it once.")


def _query_names(needs: Dependant) -> set[str]:
    named = {one.alias for one in needs.query_params}
    return named.union(*map(_query_names, needs.dependencies))


async def _once(request: Request, caller: Annotated[Caller, Depends(known_caller)]) -> None:
    await begin_once(request, caller.tenant)


Me = Annotated[Caller, Depends(known_caller)]
Admin = Annotated[Caller, Depends(_admin)]


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    remedy: str | None = None
    request_id: str
    errors: list[dict[str, str]] | None = None


@dataclass(frozen=True)
class HttpOptions:
    hosts: HostNames
    origins: frozenset[str] = frozenset()  # of foreign pages that may call the API
    max_body_bytes: int = 1_000_000
    body_seconds: float = 10.0
    requests_per_minute: int = 600
    burst: int = 120
    version: str = "0"


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
    app.openapi = partial(document, app)  # type: ignore[method-assign] # as FastAPI documents it
    app.state.authenticate = authenticate
    app.state.limits = Limits(clock.monotonic, options.requests_per_minute, options.burst)
    for router in routers:
        app.include_router(
            router,
            prefix=PREFIX,
            dependencies=[*DESCRIBED, Depends(known_caller), Depends(_known_query), Depends(_once)],
        )
    for router in doors:
        app.include_router(router, prefix=PREFIX, dependencies=[Depends(unknown_caller)])
    for router in pages:
        app.include_router(router, include_in_schema=False)

    app.add_exception_handler(SlipwayError, _refused)
    app.add_exception_handler(RequestValidationError, _misshapen)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_exception_handler(Replayed, _again)
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


def status_of(error: SlipwayError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(error: SlipwayError, request_id: str) -> JSONResponse:
    status = status_of(error)
    kind = next(kind for kind in type(error).__mro__ if kind in STATUS).__name__
    body = {
        "type": f"urn:slipway:{kind.lower()}",
        "title": kind,
        "status": status,
        "detail": error.what,
        "field": error.field or None,
        "remedy": error.remedy,
        "request_id": request_id,
        "errors": error.errors if isinstance(error, Listed) else None,
    }
    headers = {}
    if status == STATUS[Unauthenticated]:
        headers["WWW-Authenticate"] = 'Basic realm="Slipway", charset="UTF-8"'
    if error.retry_seconds:
        headers["Retry-After"] = str(error.retry_seconds)
    if isinstance(error, Stale):
        headers["ETag"] = f'"{error.version}"'
    told = {key: value for key, value in body.items() if value is not None}
    return JSONResponse(told, status, headers, media_type=PROBLEM)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SlipwayError)
    return problem(error, request.scope["slipway.request_id"])


async def _misshapen(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    forget_once(request.scope)
    findings = [_finding(found) for found in error.errors()]
    first = findings[0]
    refusal = Listed(first["what"], field=first["field"], remedy=first["remedy"], errors=findings)
    return problem(refusal, request.scope["slipway.request_id"])


async def _again(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Replayed)
    answer = Response(error.answer.body, error.answer.status)
    answer.raw_headers = [(name.encode(), value.encode()) for name, value in error.answer.headers]
    answer.headers[REPLAYED] = "true"
    return answer


async def _not_routed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error, Turned):
        raise error  # the edge answers what it turned away itself

    path = request.url.path
    refusal: SlipwayError
    if error.status_code == STATUS[NotAllowed]:
        refusal = NotAllowed(
            f"{path} does not take {request.method}.", remedy=f"See {PREFIX}/openapi.json."
        )
    elif error.status_code == STATUS[Missing]:
        refusal = Missing(f"There is nothing at {path!r}.", remedy=f"See {PREFIX}/openapi.json.")
    else:
        refusal = SlipwayError(str(error.detail), remedy=f"See {PREFIX}/openapi.json.")
    return problem(refusal, request.scope["slipway.request_id"])


def _finding(found: Mapping[str, Any]) -> dict[str, str]:
    place, *path = (str(part) for part in found["loc"])
    name = ".".join(path)
    where = name or f"the {place}"
    match found["type"]:
        case "missing":
            what, remedy = f"{where} is missing.", f"Give {where}."
        case "extra_forbidden":
            what, remedy = f"There is no field {name!r} here.", f"Leave {name} out."
        case "json_invalid":
            what, remedy = "The body is no JSON.", "Send one JSON object."
            name = ""
        case _:
            message = str(found["msg"]).removeprefix("Value error, ")
            what, remedy = f"{where} is wrong: {_lowered(message)}.", f"Correct {where}."
    return {"field": name, "what": what, "remedy": remedy}


def _lowered(message: str) -> str:
    return (message[:1].lower() + message[1:]).rstrip(".")
