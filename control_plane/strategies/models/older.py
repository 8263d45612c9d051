"""Reads strategies of the two older styles: a class with `on_market_data`, or a function `main`.

They declare no parameters: what their manifest's `custom_params` holds may be set instead.
"""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from control_plane.strategies.models.findings import Finding
from control_plane.strategies.models.outline import Parameter, typed

ON_MARKET_DATA = "on_market_data"
HOOKS = {ON_MARKET_DATA: "self, market_data", "on_signal": "self, signal"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def entry(tree: ast.Module) -> Function | None:
    """The module's function `main`, if it has one."""
    found = (n for n in tree.body if isinstance(n, Function) and n.name == "main")
    return next(found, None)


def look_at_class(kind: ast.ClassDef, members: Mapping[str, ast.stmt]) -> Iterator[Finding]:
    if ON_MARKET_DATA not in members:
        hint = f"Write `def {ON_MARKET_DATA}(self, market_data):`."
        message = f"{kind.name} has no {ON_MARKET_DATA}: it would never decide anything."
        yield at(kind, "hook", message, hint)
    for name, wanted in HOOKS.items():
        node = members.get(name)
        if node is not None:
            yield from _look_at(node, name, wanted, count=2)


def look_at_function(node: Function) -> Iterator[Finding]:
    yield from _look_at(node, "main", "data", count=1)


def parameters(custom: object) -> tuple[Parameter, ...]:
    """What the manifest lets one set, by the values that it has."""
    found = []
    for name, value in custom.items() if isinstance(custom, dict) else ():
        kind = type(value).__name__
        if kind in ("int", "float", "str", "bool") and typed(kind, value) is not None:
            found.append(Parameter(str(name), kind, value))  # type: ignore[arg-type] # one of four
    return tuple(found)


def at(node: ast.AST, rule: str, message: str, hint: str = "") -> Finding:
    return Finding(
        rule, message, hint, getattr(node, "lineno", 0), getattr(node, "col_offset", -1) + 1
    )


def _look_at(node: ast.stmt, name: str, wanted: str, *, count: int) -> Iterator[Finding]:
    hint = f"Write `def {name}({wanted}):`."
    if not isinstance(node, Function):
        yield at(node, "hook", f"{name} must be a function.", hint)
    elif isinstance(node, ast.AsyncFunctionDef):
        yield at(node, "hook", f"{name} is a plain function: nothing is awaited in it.", hint)
    elif not _takes(node.args, count):
        yield at(node, "hook", f"{name} is called with {wanted}.", hint)


def _takes(args: ast.arguments, count: int) -> bool:
    places = len(args.posonlyargs) + len(args.args)
    return places - len(args.defaults) <= count and (count <= places or args.vararg is not None)


def literals(members: Mapping[str, ast.stmt], names: Mapping[str, type]) -> dict[str, Any]:
    """The manifest that stands in the class: plain values of these names and types."""
    found: dict[str, Any] = {}
    for name, kind in names.items():
        node = members.get(name)
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Constant) and type(value.value) is kind:
            found[name] = value.value
    return found
