"""How a refusal leaves: as problem details (RFC 9457) that name what is wrong, the field and the
remedy. One table turns our errors into statuses.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import ceil
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from control_plane.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Missing,
    SlipwayError,
    Unavailable,
)
from control_plane.infra.http_document import PROBLEM
from control_plane.infra.http_edge import PREFIX, Turned
from control_plane.infra.http_match import Stale
from control_plane.infra.http_once import REPLAYED, Replayed, forget_once

JSON_BODY = "Send one JSON object, with Content-Type: application/json."


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
    findings = [_finding(found, request.scope.get("route")) for found in error.errors()]
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


def _finding(found: Mapping[str, Any], route: Any) -> dict[str, str]:
    place, *path = (str(part) for part in found["loc"])
    name = ".".join(path)
    where = name or f"the {place}"
    match found["type"]:
        case _ if place == "body" and not path:
            what, remedy = "The body is no JSON object.", JSON_BODY
        case "missing":
            what, remedy = f"{where} is missing.", f"Give {where}."
        case "extra_forbidden":
            what, remedy = f"There is no field {name!r} here.", f"Leave {name} out."
        case "json_invalid":
            what, remedy = "The body is no JSON.", JSON_BODY
            name = ""
        case _:
            message = str(found["msg"]).removeprefix("Value error, ")
            what = f"{where} is wrong: {_lowered(message)}."
            example = _example(route, path) if place == "body" else None
            such = "" if example is None else f", such as {json.dumps(example)}"
            remedy = f"Correct {where}{such}."
    return {"field": name, "what": what, "remedy": remedy}


def _example(route: Any, path: Sequence[str]) -> Any:
    """What a field of the body may look like, as the document shows it."""
    body = getattr(route, "body_field", None)
    if body is None or len(path) != 1:
        return None
    known = getattr(body.field_info.annotation, "model_fields", {}).get(path[0])
    return next(iter(known.examples or ()), None) if known is not None else None


def _lowered(message: str) -> str:
    return (message[:1].lower() + message[1:]).rstrip(".")


Handler = Callable[[Request, Exception], Awaitable[Response]]
HANDLERS: Mapping[type[Exception], Handler] = {
    SlipwayError: _refused,
    RequestValidationError: _misshapen,
    HTTPException: _not_routed,
    Replayed: _again,
}
