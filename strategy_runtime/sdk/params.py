"""Typed parameters with bounds, declared as class attributes: `fast: int = param(10, ge=2)`.

Defaults are checked when the class is made and values when a strategy is built, by the same rules,
so that what the editor's form offers is what the container accepts.
"""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TypeVar, cast, get_type_hints

from strategy_runtime.sdk.errors import ParameterError

T = TypeVar("T", int, float, str, bool)
Value = int | float | str | bool

TYPES: Mapping[str, type] = {"int": int, "float": float, "str": str, "bool": bool}


class Param:
    """One declaration. It learns its name and type from the class that it stands in."""

    def __init__(
        self,
        default: Value,
        bounds: Mapping[str, float],
        choices: tuple[Value, ...] | None,
        description: str,
    ) -> None:
        self.name = "?"
        self.type: type = type(default)
        self.default = default
        self.bounds = dict(bounds)
        self.choices = choices
        self.description = description

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def settle(self, annotation: object) -> None:
        """Take the type from the annotation and check the declaration itself."""
        name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "?")
        if name not in TYPES:
            raise ParameterError(
                f"parameter {self.name!r} is annotated {name!r}; use int, float, str or bool"
            )

        self.type = TYPES[name]
        if self.bounds and self.type not in (int, float):
            raise ParameterError(f"parameter {self.name!r} is a {name}: it takes no {self._says()}")

        self.default = self.accept(self.default, what="default ")

    def accept(self, value: object, what: str = "") -> Value:
        """The value in the parameter's type, or ParameterError with the bound that it breaks."""
        typed = self._typed(value, what)
        if self.choices is not None and typed not in self.choices:
            offered = ", ".join(map(repr, self.choices))
            raise ParameterError(f"parameter {self.name!r}: {what}{typed!r} is none of {offered}")

        for bound, limit in self.bounds.items():
            if not _HOLDS[bound](typed, limit):
                raise ParameterError(
                    f"parameter {self.name!r}: {what}{typed!r} must be {_WORDS[bound]} {limit}"
                )
        return typed

    def _typed(self, value: object, what: str) -> Value:
        if isinstance(value, bool) or self.type in (bool, str):
            fits = type(value) is self.type
        elif self.type is int:
            # A form and JSON may both turn 10 into 10.0, which loses nothing.
            fits = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        else:
            fits = isinstance(value, int | float) and isfinite(value)

        if not fits:
            raise ParameterError(
                f"parameter {self.name!r}: {what}{value!r} is no {_NOUNS[self.type]}"
            )
        return cast("Value", self.type(value))

    def _says(self) -> str:
        return ", ".join(f"{bound}={limit}" for bound, limit in self.bounds.items())


_HOLDS = {
    "ge": lambda value, limit: value >= limit,
    "gt": lambda value, limit: value > limit,
    "le": lambda value, limit: value <= limit,
    "lt": lambda value, limit: value < limit,
}
_WORDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_NOUNS = {int: "whole number", float: "finite number", str: "text", bool: "true or false"}


def param(
    default: T,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: Iterable[T] | None = None,
    description: str = "",
) -> T:
    """Declare a parameter. On a strategy's instance the attribute is its value, hence the type."""
    given = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    bounds = {name: limit for name, limit in given.items() if limit is not None}
    offered = None if choices is None else tuple(choices)
    return cast("T", Param(default, bounds, offered, description))


def declared(owner: type) -> dict[str, Param]:
    """The parameters of a class, its bases' first."""
    found: dict[str, Param] = {}
    for base in reversed(owner.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Param):
                found[name] = value
            else:
                found.pop(name, None)
    return found


def own(owner: type) -> dict[str, Param]:
    """The parameters that this class itself declares."""
    return {name: value for name, value in vars(owner).items() if isinstance(value, Param)}


def settle(owner: type) -> None:
    """Give each of them its type from its annotation, and check it."""
    for name, parameter in own(owner).items():
        hints = get_type_hints(owner) if isinstance(_annotation(owner, name), str) else {}
        parameter.settle(hints.get(name, _annotation(owner, name) or type(parameter.default)))


def resolve(owner: type, values: Mapping[str, object]) -> dict[str, Value]:
    """Every parameter with its value; all that is wrong is told at once."""
    known = declared(owner)
    resolved: dict[str, Value] = {}
    wrong = [
        f"there is no parameter {name!r}; {owner.__name__} has {', '.join(known) or 'none'}"
        for name in values
        if name not in known
    ]
    for name, parameter in known.items():
        try:
            given = name in values
            resolved[name] = parameter.accept(values[name]) if given else parameter.default
        except ParameterError as error:
            wrong.append(str(error))

    if wrong:
        raise ParameterError("; ".join(wrong))
    return resolved


def _annotation(owner: type, name: str) -> object:
    return vars(owner).get("__annotations__", {}).get(name)
