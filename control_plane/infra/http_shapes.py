"""The shapes of requests and responses that all slices share."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from inspect import Parameter, Signature
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator
from sqlalchemy import Row

from control_plane.core.clock import from_ms, ms
from control_plane.infra.paging import Asked, Found, part, place

NO_TEXT = re.compile("[\0\ud800-\udfff]")


class Body(BaseModel):
    """A request's shape: a field that it does not know is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _is_text(cls, value: Any) -> Any:
        """No database keeps a NUL, and half a surrogate pair is no character."""
        if any(NO_TEXT.search(text) for text in _texts(value)):
            raise ValueError("it holds what is no text: a NUL, or half a character")
        return value


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, inner in value.items():
                yield from _texts(name)
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


class Shape(BaseModel):
    """A response's shape, filled from the fields of what a service returns."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


Item = TypeVar("Item", bound=Shape)

# Tables count milliseconds; on the wire a moment is RFC 3339, in UTC.
Moment = Annotated[datetime, BeforeValidator(lambda at: from_ms(at) if type(at) is int else at)]


# Tables keep JSON as text.
Decoded = Annotated[
    Any, BeforeValidator(lambda text: json.loads(text) if type(text) is str else text)
]


class Items(BaseModel, Generic[Item]):
    """A list, newest or first first; `next_cursor` asks for what comes after it."""

    items: list[Item]
    next_cursor: str | None = None

    @classmethod
    def of(cls, shape: type[Item], found: Iterable[Any]) -> "Items[Item]":
        return cls(items=[shape.model_validate(one) for one in found])

    @classmethod
    def some(
        cls, shown: Iterable[Item], asked: Asked, *, at: str | None = None, by: str = "id"
    ) -> "Items[Item]":
        """A page of a list that is at hand: filtered, ordered by a moment and by what tells its
        rows apart.
        """
        fits = [
            one
            for one in shown
            if all(getattr(one, name) == value for name, value in asked.where.items())
        ]
        placed = [
            ((0 if at is None else ms(getattr(one, at)), str(getattr(one, by))), one)
            for one in fits
        ]
        found = part(placed, asked)
        return cls(items=list(found.rows), next_cursor=found.next_cursor)

    @classmethod
    def page(cls, shape: type[Item], found: Found) -> "Items[Item]":
        return cls(
            items=[shape.model_validate(row) for row in _named(found.rows)],
            next_cursor=found.next_cursor,
        )


def _named(rows: Sequence[Any]) -> Iterable[Any]:
    """A database's rows with their names looked up once for all of them, which halves what
    showing one costs.
    """
    if not rows or not isinstance(rows[0], Row):
        return rows
    names = rows[0]._fields
    return (dict(zip(names, row, strict=True)) for row in rows)


Order = Literal["newest", "oldest"]
Alphabet = Literal["a-z", "z-a"]


def listing(*names: str, by_name: bool = False, **typed: Any) -> Any:
    """What every list takes: `limit`, `cursor`, `sort`, and to be filtered by these fields of its
    rows, each by its own name; `typed` where a field is not just any text.
    """
    orders, first = (Alphabet, "a-z") if by_name else (Order, "newest")
    filters = {**dict.fromkeys(names, Word), **typed}

    async def asked(limit: int, cursor: str | None, sort: str, **given: Any) -> Asked:
        where = {name: value for name, value in given.items() if value is not None}
        after = None if cursor is None else place(cursor)
        return Asked(limit, after, sort in {"oldest", "a-z"}, where)

    keyword = Parameter.KEYWORD_ONLY
    asked.__signature__ = Signature(  # type: ignore[attr-defined] # FastAPI reads it
        [
            Parameter("limit", keyword, annotation=Limit, default=50),
            Parameter("cursor", keyword, annotation=Cursor, default=None),
            Parameter("sort", keyword, annotation=orders, default=first),
            *(
                Parameter(name, keyword, annotation=kind | None, default=None)
                for name, kind in filters.items()
            ),
        ]
    )
    return Depends(asked)


Limit = Annotated[int, Query(ge=1, le=500, description="How many at most")]
Cursor = Annotated[str | None, Query(max_length=200, description="next_cursor of the page before")]
Word = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
Paged = Annotated[Asked, listing()]
