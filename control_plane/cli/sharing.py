"""Options that several commands take, written once: a dataclass of them, handed over whole."""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def sharing(command: Callable[..., None]) -> Callable[..., None]:
    """The same command, with the options of its dataclasses in place of them."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    asked: list[Parameter] = []
    for name, one in signature(command).parameters.items():
        if name in groups:
            asked += _options(groups[name])
        else:
            asked.append(one.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints[name]))

    def called(**given: Any) -> None:
        whole = {
            name: kind(**{one.name: given.pop(one.name) for one in fields(kind)})
            for name, kind in groups.items()
        }
        command(**given, **whole)

    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__module__ = command.__module__
    called.__signature__ = Signature(asked)  # type: ignore[attr-defined] # what typer reads
    called.__annotations__ = {one.name: one.annotation for one in asked}
    return called


def _options(kind: Any) -> list[Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        Parameter(
            one.name, Parameter.KEYWORD_ONLY, default=_default(one), annotation=hints[one.name]
        )
        for one in fields(kind)
    ]


def _default(one: "Field[Any]") -> Any:
    return Parameter.empty if one.default is MISSING else one.default
