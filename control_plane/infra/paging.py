"""Long lists in pages, newest first: a cursor names the last row that was seen, so that rows which
arrive meanwhile move nothing.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, tuple_

from control_plane.errors import Invalid
from control_plane.infra.db import Tx

Place = tuple[int, str | int]  # when, and which of that moment
_places = msgspec.json.Decoder(Place)


class BadCursor(Invalid):
    pass


@dataclass(frozen=True)
class Asked:
    limit: int = 50
    after: Place | None = None


@dataclass(frozen=True)
class Found:
    rows: Sequence[Row[Any]]
    next_cursor: str | None = None


def page(tx: Tx, query: Select[Any], key: tuple[Any, Any], asked: Asked) -> Found:
    """The rows of `query` after the cursor, by `key`: a moment and what tells its rows apart."""
    at, identity = key
    if asked.after is not None:
        query = query.where(_before(tuple_(at, identity), asked.after))
    rows = tx.all(query.order_by(at.desc(), identity.desc()).limit(asked.limit + 1))
    if len(rows) <= asked.limit:
        return Found(rows)
    kept = rows[: asked.limit]
    last = kept[-1]._mapping
    return Found(kept, cursor((last[at.key], last[identity.key])))


def cursor(place: Place) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place(text: str) -> Place:
    try:
        found: Place = _places.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadCursor(
            "This is no cursor of ours.",
            field="cursor",
            remedy="Send next_cursor as it came, or leave it out to begin with the newest.",
        ) from error
    return found


def _before(columns: Any, last: Place) -> ColumnElement[bool]:
    found: ColumnElement[bool] = columns < last
    return found
