"""A call: what an operation is given, before anybody sends it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypedDict, TypeVar
from urllib.parse import quote

T = TypeVar("T")
Answer = TypeVar("Answer", covariant=True)


class Items(TypedDict, Generic[T]):
    """A page of a list; `next_cursor` asks for what comes after it."""

    items: list[T]
    next_cursor: str | None


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """One operation with what it is given, ready to be sent."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    takes_key: bool = False

    @property
    def is_repeatable(self) -> bool:
        return self.method == "GET" or self.takes_key


def part(text: str) -> str:
    """One part of a path, whatever its characters."""
    return quote(text, safe="")


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is None was not said: the server has its own default."""
    return {name: value for name, value in values.items() if value is not None}
