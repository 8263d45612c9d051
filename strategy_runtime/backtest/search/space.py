"""What may be tried: each parameter with its values, between its bounds."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import isfinite

import numpy as np
from msgspec import Struct

from strategy_runtime.sdk.errors import ParameterError
from strategy_runtime.sdk.params import Param, Value, declared
from strategy_runtime.sdk.strategy import BaseStrategy

Point = Mapping[str, Value]

MOST_VALUES = 100_000


class BadSpace(ValueError):
    """There is nothing to search, or too much. The text says what to write."""


class Dimension(Struct, frozen=True):
    """A parameter and its values, in order; numbers are even steps from the first to the last."""

    name: str
    values: tuple[Value, ...]

    @property
    def is_number(self) -> bool:
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)

    def place(self, value: Value) -> int:
        """The index of the value that is nearest."""
        if not self.is_number:
            return self.values.index(value)
        distances = [abs(float(v) - float(value)) for v in self.values]
        return distances.index(min(distances))


class Space(Struct, frozen=True):
    dimensions: tuple[Dimension, ...]

    @property
    def size(self) -> int:
        return int(np.prod([len(one.values) for one in self.dimensions], dtype=object))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.dimensions)

    def points(self) -> Iterator[Point]:
        for values in product(*(one.values for one in self.dimensions)):
            yield dict(zip(self.names, values, strict=True))

    def drawn(self, count: int, seed: int) -> list[Point]:
        """So many different points, or all there are."""
        if count >= self.size:
            return list(self.points())
        rng = np.random.default_rng(seed)
        found: dict[tuple[int, ...], Point] = {}
        while len(found) < count:
            at = tuple(int(rng.integers(len(one.values))) for one in self.dimensions)
            found[at] = self.at(at)
        return list(found.values())

    def at(self, places: Sequence[int]) -> Point:
        pairs = zip(self.dimensions, places, strict=True)
        return {one.name: one.values[place] for one, place in pairs}

    def neighbours(self, point: Point) -> list[Point]:
        """One step away in one parameter."""
        places = [one.place(point[one.name]) for one in self.dimensions]
        found: list[Point] = []
        for index, one in enumerate(self.dimensions):
            for step in (-1, 1) if one.is_number else ():
                moved = places[index] + step
                if 0 <= moved < len(one.values):
                    found.append({**point, one.name: one.values[moved]})
        return found


def space_of(
    kind: type[BaseStrategy], given: Mapping[str, str], *, steps: int
) -> tuple[Space, dict[str, str]]:
    """What is searched, and what was given as one value. `3:30`, `3:30:3` and `a,b` are searched;
    every other parameter that has bounds at both ends, or choices, is, too.
    """
    known, dimensions, fixed = declared(kind), [], {}
    for name, text in given.items():
        if name not in known:
            raise BadSpace(f"there is no parameter {name!r}; there are {', '.join(known)}")
        if ":" in text or "," in text:
            dimensions.append(_written(known[name], text, steps))
        else:
            fixed[name] = text
    for name, parameter in known.items():
        if name not in given:
            values = _declared(parameter, steps)
            if len(values) > 1:
                dimensions.append(Dimension(name, values))
    if not dimensions:
        raise BadSpace(
            "no parameter has bounds at both ends: write `fast: int = param(10, ge=2, le=50)`, or "
            "give -p fast=2:50:4"
        )
    return Space(tuple(dimensions)), fixed


def _written(parameter: Param, text: str, steps: int) -> Dimension:
    try:
        if "," in text:
            found = [_value(parameter, part) for part in text.split(",") if part.strip()]
            return Dimension(parameter.name, tuple(dict.fromkeys(found)))
        first, last, *step = (float(part) for part in text.split(":"))
        if len(step) > 1 or (step and step[0] <= 0) or last <= first or not isfinite(last):
            raise ValueError("it is no range")
        count = int((last - first) / step[0] + 1e-9) + 1 if step else steps
        if count > MOST_VALUES:
            raise ValueError("it has too many values")
        end = first + (count - 1) * step[0] if step else last
        values = _between(parameter, first, end, count)
        return Dimension(parameter.name, tuple(parameter.accept(value) for value in values))
    except (ValueError, TypeError, ParameterError) as error:
        raise BadSpace(
            f"-p {parameter.name}={text}: {error}; write first:last, first:last:step, or a,b,c"
        ) from error


def _value(parameter: Param, text: str) -> Value:
    text = text.strip()
    if parameter.type is bool:
        return text.lower() in ("true", "yes", "1")
    return parameter.accept(text if parameter.type is str else float(text))


def _declared(parameter: Param, steps: int) -> tuple[Value, ...]:
    if parameter.choices is not None:
        return tuple(parameter.choices)
    if parameter.type is bool:
        return (False, True)
    bounds, kind = parameter.bounds, parameter.type
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    if low is None or high is None or high <= low:
        return ()
    inside = 1.0 if kind is int else (high - low) / 20  # a bound itself is not allowed
    low += inside if "ge" not in bounds else 0
    high -= inside if "le" not in bounds else 0
    return _between(parameter, low, high, steps) if low <= high else ()


def _between(parameter: Param, low: float, high: float, count: int) -> tuple[Value, ...]:
    if parameter.type is int:
        count = min(count, int(high) - int(low) + 1)
        return tuple(dict.fromkeys(round(v) for v in np.linspace(low, high, max(count, 1))))
    return tuple(float(f"{value:.6g}") for value in np.linspace(low, high, max(count, 1)))
