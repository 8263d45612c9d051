"""Looks for secrets where none may be: as they are, and as something that prints or stores them
would have written them.
"""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from redis import Redis
from sqlalchemy import Engine, text

SHORTEST = 8  # less is found by chance
MARK = "canary-7b1e4d"  # what every secret that a factory plants begins with; see `leaks`


@dataclass(frozen=True, order=True)
class Leak:
    secret: str  # its name, never itself
    place: str
    form: str


def forms(secret: bytes) -> dict[str, bytes]:
    text = secret.decode("latin-1")
    found = {
        "plain": secret,
        "hex": secret.hex().encode(),
        "quoted": quote(text).encode(),
        "json": json.dumps(text)[1:-1].encode(),
        "utf-16": text.encode("utf-16-le"),
    }
    # Wherever in a longer text it stands: three beginnings, without the ends that depend on those.
    for start in range(3):
        for name, encode in (("base64", b64encode), ("base64url", urlsafe_b64encode)):
            body = encode(b"\0" * start + secret).rstrip(b"=")
            found[f"{name}+{start}"] = body[(4 if start else 0) : -2]
    return found


def leaks(
    secrets: Mapping[str, bytes],
    places: Mapping[str, bytes],
    allowed: Mapping[str, tuple[str, ...]],
) -> list[Leak]:
    """Every secret in a place that is not its own. `allowed` names by beginnings where one lies."""
    found = []
    for name, secret in secrets.items():
        assert len(secret) >= SHORTEST, f"{name} is too short to be looked for"
        own = allowed.get(name, ())
        for form, written in forms(secret).items():
            for place, content in places.items():
                if not place.startswith(own) and written in content:
                    found.append(Leak(name, place, form))
    return sorted(set(found))


# ---- what factories plant ------------------------------------------------------------------------


MARKS = frozenset(forms(MARK.encode()).values())
ROWS = 5_000  # of a table: those beyond are like them


def leaked(places: Mapping[str, bytes]) -> list[str]:
    return [name for name, content in places.items() if any(mark in content for mark in MARKS)]


def check(places: Mapping[str, bytes]) -> None:
    found = leaked(places)
    assert not found, f"a planted secret lies in {', '.join(found)}"


def in_postgres(engine: Engine) -> bytes:
    """Every table's rows, in one question."""
    with engine.connect() as connection:
        listed = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        tables = [row[0] for row in connection.execute(text(listed))]
        each = [f"(SELECT t::text FROM {name} t LIMIT {ROWS})" for name in tables]
        rows = connection.execute(text(" UNION ALL ".join(each))) if each else ()
        return "\n".join(row[0] for row in rows).encode()


def in_redis(url: str) -> bytes:
    """Every key as the server would save it, its users, its slow log and its settings."""
    with Redis.from_url(url) as client:
        parts = [repr(client.acl_list()), repr(client.slowlog_get()), repr(client.config_get())]
        for key in client.scan_iter(count=1_000):
            parts.append(repr(key))
            match client.type(key):
                case b"string":
                    parts.append(repr(client.get(key)))
                case b"stream":
                    parts.append(repr(client.xrange(key)))
                case b"hash":
                    parts.append(repr(client.hgetall(key)))
    return "\n".join(parts).encode()
