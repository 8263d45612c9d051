"""Lists in pages, newest first unless asked otherwise: a cursor names the last row that was seen,
so that rows which arrive meanwhile move nothing. Whatever is filtered by a field is filtered here.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Annotated, Any

import msgspec
from sqlalchemy import ColumnElement, Select, tuple_

from control_plane.errors import Invalid
from control_plane.infra.db import Tx

Place = tuple[int, str | int]  # when, and which of that moment
Whole = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Word = Annotated[str, msgspec.Meta(max_length=150, pattern=r"^[^\x00]*$")]
_places = msgspec.json.Decoder(tuple[Whole, Word | Whole])


class BadCursor(Invalid):
    pass


@dataclass(frozen=True)
class Asked:
    limit: int = 50
    after: Place | None = None
    is_rising: bool = False  # oldest, or the beginning of the alphabet, first
    where: Mapping[str, Any] = field(default_factory=dict)  # fields and what each must be


@dataclass(frozen=True)
class Found:
    rows: Sequence[Any]
    next_cursor: str | None = None


def page(tx: Tx, query: Select[Any], key: tuple[Any, Any], asked: Asked) -> Found:
    """The rows of `query` after the cursor, by `key`: a moment and what tells its rows apart."""
    at, identity = key
    for name, value in asked.where.items():
        query = query.where(query.selected_columns[name] == value)
    if asked.after is not None:
        # A text column of SQLModel's does not say that its values are texts; numbers say so.
        if (type(asked.after[1]) is int) is not (identity.type.python_type is int):
            raise _bad()
        query = query.where(_beyond(tuple_(at, identity), asked))
    order = (at.asc(), identity.asc()) if asked.is_rising else (at.desc(), identity.desc())
    rows = tx.all(query.order_by(*order).limit(asked.limit + 1))
    if len(rows) <= asked.limit:
        return Found(rows)
    kept = rows[: asked.limit]
    last = kept[-1]._mapping
    return Found(kept, cursor((last[at.key], last[identity.key])))


def part(rows: Iterable[tuple[tuple[int, str], Any]], asked: Asked) -> Found:
    """The same of a list that is short enough to be at hand, each row with its place."""
    ordered = sorted(rows, key=itemgetter(0), reverse=not asked.is_rising)
    if asked.after is not None:
        last = (asked.after[0], str(asked.after[1]))
        ordered = [
            (place, row)
            for place, row in ordered
            if (place > last if asked.is_rising else place < last)
        ]
    kept = ordered[: asked.limit]
    if len(ordered) == len(kept):
        return Found([row for _, row in kept])
    return Found([row for _, row in kept], cursor(kept[-1][0]))


def cursor(place: Place) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place(text: str) -> Place:
    try:
        found: Place = _places.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, msgspec.MsgspecError) as error:
        raise _bad() from error
    return found


def _bad() -> BadCursor:
    return BadCursor(
        "This is no cursor of this list.",
        field="cursor",
        remedy="Send next_cursor as it came, or leave it out to begin with the first.",
    )


def _beyond(columns: Any, asked: Asked) -> ColumnElement[bool]:
    found: ColumnElement[bool] = columns > asked.after if asked.is_rising else columns < asked.after
    return found
