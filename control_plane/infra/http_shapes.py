"""The shapes of requests and responses that all slices share."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict

from control_plane.core.clock import from_ms
from control_plane.infra.paging import Asked, Found, place


class Body(BaseModel):
    """A request's shape: a field that it does not know is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    def page(cls, shape: type[Item], found: Found) -> "Items[Item]":
        return cls(
            items=[shape.model_validate(row) for row in found.rows], next_cursor=found.next_cursor
        )


def _asked(
    limit: Annotated[int, Query(ge=1, le=500, description="How many at most")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=200, description="next_cursor of the page before")
    ] = None,
) -> Asked:
    return Asked(limit, None if cursor is None else place(cursor))


Paged = Annotated[Asked, Depends(_asked)]
