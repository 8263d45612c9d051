"""A call to the venue as a value: what is asked, where, and how its answer is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Literal, TypeVar

from control_plane.brokers.coindcx.wire import Value

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Host = Literal["api", "public"]

ORDER_REPLY = 256 * 1024
LIST_REPLY = 4 * 1024 * 1024
CATALOGUE_REPLY = 32 * 1024 * 1024


class Bucket(StrEnum):
    """The routes that the venue counts apart."""

    GENERAL = "general"
    ACTIVE_ORDERS = "active_orders"
    CANCEL_BY_IDS = "cancel_by_ids"
    CANCEL_ALL = "cancel_all"
    PUBLIC = "public"


@dataclass(frozen=True)
class Call(Generic[T_co]):
    method: Literal["GET", "POST"]
    path: str
    read: Callable[[object], T_co]
    fields: Mapping[str, Value] = field(default_factory=dict)
    query: Mapping[str, Value] = field(default_factory=dict)
    host: Host = "api"
    bucket: Bucket = Bucket.GENERAL
    places: bool = False  # it can make, change or end an order: never repeated underneath
    reply_limit: int = LIST_REPLY
    private: bool = True


class NotOurs(ValueError):
    """A well-formed answer that describes something else than what was asked."""


def post(path: str, read: Callable[[object], T], **fields: Value) -> Call[T]:
    """A signed question; fields that are None are left out, for the venue reads null as a value."""
    return Call("POST", path, read, _given(fields))


def act(path: str, read: Callable[[object], T], **fields: Value) -> Call[T]:
    """A signed request that changes something."""
    return Call("POST", path, read, _given(fields), places=True, reply_limit=ORDER_REPLY)


def public(
    path: str, read: Callable[[object], T], *, host: Host = "api", **query: Value
) -> Call[T]:
    return Call(
        "GET", path, read, query=_given(query), host=host, bucket=Bucket.PUBLIC, private=False
    )


def _given(fields: Mapping[str, Value]) -> dict[str, Value]:
    return {key: value for key, value in fields.items() if value is not None}
