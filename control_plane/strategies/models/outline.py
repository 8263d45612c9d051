"""What a version declares: its parameters and what it wants to see. Deploying is checked against
it, by the same rules as the SDK's own.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from control_plane.strategies.errors import BadParameter

Value = int | float | str | bool
Kind = Literal["int", "float", "str", "bool"]

DEFAULT_LOOKBACK = 200
MAX_LOOKBACK = 9_000
FARTHEST = 1e300

_HOLDS = {
    "ge": lambda value, limit: value >= limit,
    "gt": lambda value, limit: value > limit,
    "le": lambda value, limit: value <= limit,
    "lt": lambda value, limit: value < limit,
}
_WORDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_NOUNS = {"int": "a whole number", "float": "a finite number", "str": "text", "bool": "a yes or no"}


class Parameter(Struct, frozen=True, omit_defaults=True):
    name: str
    kind: Kind
    default: Value
    bounds: dict[str, float] = {}
    choices: tuple[Value, ...] | None = None
    description: str = ""

    def accept(self, given: object) -> Value:
        """The value in the parameter's type; BadParameter says what it must be."""
        value = typed(self.kind, given)
        if value is None:
            raise self._refused(given, f"must be {_NOUNS[self.kind]}")
        if self.choices is not None and value not in self.choices:
            raise self._refused(given, f"must be one of {', '.join(map(repr, self.choices))}")
        for bound, limit in self.bounds.items():
            if not _HOLDS[bound](value, limit):
                raise self._refused(given, f"must be {_WORDS[bound]} {limit:g}")
        return value

    def _refused(self, given: object, must: str) -> BadParameter:
        huge = isinstance(given, int) and abs(given) > FARTHEST  # which has no text
        shown = "a huge number" if huge else f"{given!r}"[:60]
        return BadParameter(
            f"Parameter {self.name!r} is {shown}; it {must}.", field=f"parameters.{self.name}"
        )


class Outline(Struct, frozen=True, omit_defaults=True):
    class_name: str = ""
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    instrument: str = ""
    resolution: str = ""
    resolutions: tuple[str, ...] = ()
    ticks: bool = False
    lookback: int = DEFAULT_LOOKBACK
    style: Literal["on_candle", "on_market_data", "main"] = "on_candle"


def typed(kind: str, given: object) -> Value | None:
    """The value if it is of this kind. A form and JSON may both turn 10 into 10.0."""
    match kind:
        case "bool":
            return given if isinstance(given, bool) else None
        case "str":
            return given if isinstance(given, str) else None
        case _ if isinstance(given, bool) or not isinstance(given, int | float):
            return None
        case _ if not -FARTHEST <= given <= FARTHEST:  # no number, or none that JSON carries
            return None
        case "int":
            return int(given) if given == int(given) else None
        case _:
            return float(given)


def resolve(
    outline: Outline, manifest: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Value]:
    """Every parameter with its value: what was given, else the manifest's, else the default."""
    known = {parameter.name: parameter for parameter in outline.parameters}
    for name in given:
        if name not in known:
            raise BadParameter(
                f"There is no parameter {name[:60]!r}.",
                field=f"parameters.{name[:60]}",
                remedy=f"{outline.class_name} has {', '.join(known) or 'none'}.",
            )
    custom = manifest.get("custom_params")
    values = {**(custom if isinstance(custom, dict) else {}), **given}
    return {
        name: parameter.accept(values[name]) if name in values else parameter.default
        for name, parameter in known.items()
    }
