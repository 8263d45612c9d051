"""Who calls: what every route for somebody we know asks before its own work begins."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from control_plane.core.ids import Tenant
from control_plane.errors import Forbidden, Invalid
from control_plane.infra import wall
from control_plane.infra.http_limits import Limits
from control_plane.infra.http_once import begin_once
from control_plane.infra.http_refusals import Throttled


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
    """One dependency for all of it: each costs every request."""
    caller = await let_in(request)
    _check_query(request)
    await begin_once(request, caller.tenant)
    return caller


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


async def _admin(caller: Annotated[Caller, Depends(known_caller)]) -> Caller:
    if not caller.is_admin:
        raise Forbidden("Only an admin may do this.", remedy="Ask one.")
    return caller


def _check_query(request: Request) -> None:
    """A filter with a typing mistake in its name would let everything through."""
    if not request.scope["query_string"]:
        return
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


Me = Annotated[Caller, Depends(known_caller)]
Admin = Annotated[Caller, Depends(_admin)]
