"""The OpenAPI document: what FastAPI knows of the routes, and what holds for all of them alike.

Each operation gets its function's name, an example of what it takes and answers, the header that
makes a repeat safe, the ETag that spares a second reading, every refusal that it may answer with,
and links to what one can ask next with an answer. Nothing of it is written at a route.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fastapi import FastAPI

from control_plane.infra.http_examples import example
from control_plane.infra.http_once import HEADER, REPLAYED

Operation = dict[str, Any]

PROBLEM = "application/problem+json"
JSON = "application/json"

# Which status is named how, and what it means.
REFUSALS: Mapping[str, tuple[str, str]] = {
    "400": ("Unreadable", "What came cannot be read as HTTP says it is."),
    "401": ("Unauthenticated", "Nobody we know asks, or the proof is wrong or too old."),
    "403": ("Forbidden", "Whoever asks may not do this."),
    "404": ("Missing", "There is no such thing of yours."),
    "409": ("Conflict", "It is there, but as it stands this cannot be done."),
    "412": ("Stale", "It has changed since you saw it; ETag says what it is now."),
    "413": ("TooLarge", "The body is larger than this server takes."),
    "422": ("Invalid", "The request itself is wrong; `field` and `errors` say where."),
    "429": ("Throttled", "You ask too often; Retry-After says when to go on."),
    "500": ("Failed", "A bug of ours; its log has the request's id."),
    "503": ("Unavailable", "Something that this needs is not there now."),
}
# How a caller is known; `infra.http_callers` reads the header.
SCHEMES: Mapping[str, Mapping[str, str]] = {
    "token": {
        "type": "http",
        "description": "An access token, an API token, or the operator's.",
        "scheme": "bearer",
    },
    "user": {"type": "http", "description": "E-mail and password.", "scheme": "basic"},
}
IF_MATCH = "If-Match"
IF_NONE_MATCH = "If-None-Match"
OF_SHAPE = re.compile(r"(Out|Detail)$")


def document(app: FastAPI, doors: Collection[str]) -> dict[str, Any]:
    """Made once for each application; `doors` are the operations that take nobody's name."""
    if app.openapi_schema is None:
        made = FastAPI.openapi(app)
        components = made["components"]
        components["responses"] = {name: _refusal(status) for status, name in _names()}
        components["headers"] = _headers()
        components["parameters"] = _parameters()
        components["securitySchemes"] = SCHEMES
        for path, method, operation in operations(made):
            if operation["operationId"] not in doors:
                operation["security"] = [{name: []} for name in SCHEMES]
            _complete(path, method, operation, components["schemas"])
        _link(made)
    assert app.openapi_schema is not None
    return app.openapi_schema


def operations(made: Mapping[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _complete(path: str, method: str, operation: Operation, shapes: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path":
            parameter["example"] = example(parameter["schema"], shapes, parameter["name"])
    body = operation.get("requestBody", {}).get("content", {})
    for content in body.values():
        content.setdefault("example", example(content["schema"], shapes))
    responses = operation["responses"]
    responses.pop("4XX", None)
    for answer in responses.values():
        for content in answer.get("content", {}).values():
            content.setdefault("example", example(content["schema"], shapes))
    is_guarded = bool(operation.get("security"))
    if method == "get" and "200" in responses:  # a redirect is nothing to keep
        parameters.append({"$ref": f"#/components/parameters/{IF_NONE_MATCH}"})
        responses["200"]["headers"] = {"ETag": {"$ref": "#/components/headers/ETag"}}
        responses["304"] = {"description": "It is as you have it."}
    elif method != "get" and is_guarded:
        parameters.append({"$ref": f"#/components/parameters/{HEADER}"})
        for answer in responses.values():
            replayed = {REPLAYED: {"$ref": f"#/components/headers/{REPLAYED}"}}
            answer.setdefault("headers", {}).update(replayed)
    for status in _statuses(path, method, operation, is_guarded):
        responses[status] = {"$ref": f"#/components/responses/{REFUSALS[status][0]}"}


def _statuses(path: str, method: str, operation: Operation, is_guarded: bool) -> list[str]:
    has_body = "requestBody" in operation
    names_something = "{" in path or has_body or len(operation["parameters"]) > 1
    edits = any(one.get("name") == IF_MATCH for one in operation["parameters"])
    holds = {
        "400": has_body,
        "404": names_something or method != "get",
        "409": method != "get",
        "412": edits,
        "413": method != "get",
        "422": names_something or is_guarded,
    }
    return [status for status in REFUSALS if holds.get(status, True)]


def _link(made: dict[str, Any]) -> None:
    """What an answer names by its id, the routes below that id can be asked about."""
    below: dict[str, list[str]] = {}
    for _, _, operation in operations(made):
        for parameter in operation["parameters"]:
            if parameter.get("in") == "path":
                below.setdefault(parameter["name"], []).append(operation["operationId"])
    shapes = made["components"]["schemas"]
    for _, _, operation in operations(made):
        for status, answer in operation["responses"].items():
            if status.startswith("2") and JSON in answer.get("content", {}):
                links = _links(answer["content"][JSON]["schema"], shapes, below)
                answer.update({"links": links} if links else {})


def _links(
    schema: Mapping[str, Any], shapes: Mapping[str, Any], below: Mapping[str, list[str]]
) -> dict[str, Any]:
    name = _shape(schema)
    items = shapes.get(name, {}).get("properties", {}).get("items")
    place = "$response.body#/"
    if items is not None:
        name, place = _shape(items["items"]), f"{place}items/0/"
    links = {}
    for field in shapes.get(name, {}).get("properties", {}):
        parameter = OF_SHAPE.sub("", name).lower() + "_id" if field == "id" else field
        if not parameter.endswith("_id"):
            continue
        for operation in below.get(parameter, ()):
            links[f"{operation}_by_{field}"] = {
                "operationId": operation,
                "parameters": {parameter: f"{place}{field}"},
            }
    return links


def _shape(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]


def _names() -> Iterator[tuple[str, str]]:
    for status, (name, _) in REFUSALS.items():
        yield status, name


def _refusal(status: str) -> dict[str, Any]:
    name, meaning = REFUSALS[status]
    shown = {
        "type": f"urn:slipway:{name.lower()}",
        "title": name,
        "status": int(status),
        "detail": meaning,
        "remedy": "What to do about it, in a sentence.",
        "request_id": "rqh2j4k6m8n3p5q7r2",
    }
    made: dict[str, Any] = {
        "description": meaning,
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    made["content"][PROBLEM]["example"] = shown
    if status in {"409", "429"}:
        made["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    if status == "412":
        made["headers"] = {"ETag": {"$ref": "#/components/headers/ETag"}}
    return made


def _headers() -> dict[str, Any]:
    text = {"type": "string"}
    said = {
        "ETag": "Of just this answer; its part before the dash is the version.",
        "Retry-After": "In how many seconds to come back.",
        REPLAYED: "`true` where this was answered before.",
    }
    return {name: {"description": what, "schema": text} for name, what in said.items()}


def _parameters() -> dict[str, Any]:
    return {
        HEADER: {
            "name": HEADER,
            "in": "header",
            "required": False,
            "description": "One for each request, such as a UUID: a repeat with it within a day is"
            " answered like the first and changes nothing.",
            "schema": {"type": "string", "pattern": "^[!-~]{16,100}$"},
            "example": "7b2f9d1e-5c34-4a06-9b5d-2f1e8c0a7d61",
        },
        IF_NONE_MATCH: {
            "name": IF_NONE_MATCH,
            "in": "header",
            "required": False,
            "description": "The ETag of an earlier answer: if it is still so, 304 without a body.",
            "schema": {"type": "string"},
            "example": '"5f0c2a9be4d71836"',
        },
    }
