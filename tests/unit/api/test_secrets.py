"""Catalogue U15: no answer has a secret in it, but for the few that are given once, to be kept."""

import re
from collections.abc import Iterator
from typing import Any

from tests.fakes.site import World

# A name that promises a secret, wherever it stands in an answer.
SECRET = re.compile(
    r"secret|password|token|hash|digest|private|credential|cookie|ticket|proof|seal"
)
# Made for whoever asks, and shown this once.
ONCE = {
    "FactorOut.secret": "the seed of an authenticator app, while it is set up",
    "MadeToken.token": "a personal API token, when it is made",
    "SignedInOut.access_token": "what signing in is for",
    "SignedInOut.csrf_token": "beside a cookie that scripts cannot read",
    "SignedInOut.token_type": "a word of RFC 6750",
    "SignedInOut.must_change_password": "whether, not what",
    "TicketOut.ticket": "for one live connection, good for half a minute",
}


def answered(document: dict[str, Any]) -> set[str]:
    """Every schema that an answer is made of, also by way of others."""
    found: set[str] = set()
    waiting = [
        response
        for verbs in document["paths"].values()
        for verb in verbs.values()
        for response in verb["responses"].values()
    ]
    while waiting:
        for kind, name in _named(waiting.pop()):
            if kind == "schemas" and name in found:
                continue
            found |= {name} if kind == "schemas" else set()
            waiting.append(document["components"][kind][name])
    return found


def _named(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            _, kind, name = part["$ref"].rsplit("/", 2)
            yield kind, name
        for inner in part.values():
            yield from _named(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _named(inner)


def test_u15_no_answer_has_a_field_for_a_secret(world: World) -> None:
    document = world.app.openapi()
    schemas = document["components"]["schemas"]
    fields = {
        f"{name}.{field}"
        for name in answered(document)
        for field in schemas[name].get("properties", {})
    }

    assert len(fields) > 200
    assert {one for one in fields if SECRET.search(one.partition(".")[2].lower())} == set(ONCE)


def test_what_is_asked_for_as_a_secret_is_in_no_answer(world: World) -> None:
    document = world.app.openapi()
    given = {
        name
        for name, schema in document["components"]["schemas"].items()
        for field in schema.get("properties", {}).values()
        if field.get("writeOnly") or field.get("format") == "password"
    }

    assert given & answered(document) == set()
