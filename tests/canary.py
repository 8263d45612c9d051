"""Looks for secrets where none may be: as they are, and as something that prints or stores them
would have written them.
"""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

SHORTEST = 8  # less is found by chance


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
        for form, text in forms(secret).items():
            for place, content in places.items():
                if not place.startswith(own) and text in content:
                    found.append(Leak(name, place, form))
    return sorted(set(found))
