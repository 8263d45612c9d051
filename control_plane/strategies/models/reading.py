"""Reads the strategy out of a syntax tree: its class, hooks, attributes and parameters. Nothing of
it is ever run.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from control_plane.strategies.errors import BadParameter
from control_plane.strategies.models import older
from control_plane.strategies.models.findings import Finding
from control_plane.strategies.models.outline import (
    DEFAULT_LOOKBACK,
    MAX_LOOKBACK,
    Outline,
    Parameter,
    Value,
    typed,
)
from control_plane.strategies.models.syntax import (
    Function,
    assigned,
    descends,
    dotted,
    imported_bases,
    members_of,
    takes,
)
from strategy_runtime.wire.resolutions import RESOLUTIONS

HOOKS = {"on_start": 0, "on_candle": 1, "on_tick": 1, "on_stop": 0}
MANIFEST = {"instrument": str, "pair": str, "resolution": str, "lookback_period": int}
ATTRIBUTES = {"instrument": str, "resolution": str, "ticks": bool, "lookback": int}
# What the SDK's class has itself: a parameter of such a name would hide it.
RESERVED = frozenset(
    {"instrument", "resolution", "resolutions", "lookback", "ticks", "history", "position"}
    | {"manifest", "state", "long", "short", "exit_long", "exit_short", "log", "metric", "candles"}
    | {"trailing_stop", "break_even", "sma", "ema", "wma", "vwap", "rsi", "macd", "stochastic"}
    | {"adx", "supertrend", "obv", "atr", "bollinger", "donchian"}
    | {"rolling_max", "rolling_min", "rolling_std", *HOOKS}
)
BOUNDS = ("ge", "gt", "le", "lt")


@dataclass
class Reading:
    """What is read so far, and what is wrong with it."""

    tree: ast.Module
    findings: list[Finding] = field(default_factory=list)

    def outline(self) -> Outline:
        """As much as can be read; the findings tell what cannot."""
        kind, is_older = self._strategy()
        if kind is None:
            return self._function()
        members = members_of(kind, self._classes())
        if is_older:
            return self._older(kind, members)
        self._check_hooks(kind, members)
        attributes = self._attributes(members)
        return Outline(
            class_name=kind.name,
            description=(ast.get_docstring(kind) or "").partition("\n")[0][:200],
            parameters=tuple(self._parameters(members)),
            instrument=str(attributes.get("instrument", "")),
            resolution=str(attributes.get("resolution", "")),
            resolutions=tuple(attributes.get("resolutions", ())),
            ticks=bool(attributes.get("ticks", False)),
            lookback=int(attributes.get("lookback") or DEFAULT_LOOKBACK),
        )

    def say(self, node: ast.AST | None, rule: str, message: str, hint: str = "") -> None:
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", -1) + 1
        self.findings.append(Finding(rule, message, hint, line, column))

    def _classes(self) -> dict[str, ast.ClassDef]:
        return {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}

    def _strategy(self) -> tuple[ast.ClassDef | None, bool]:
        """The one class that no other of the file inherits, and whether its style is older."""
        classes = self._classes()
        bases, older_bases = imported_bases(self.tree)
        mine = [c for c in classes.values() if descends(c, classes, bases | older_bases)]
        inherited = {name for c in mine for name in map(dotted, c.bases)}
        leaves = [c for c in mine if c.name not in inherited]
        if len(leaves) > 1:
            names = ", ".join(c.name for c in leaves)
            self.say(leaves[1], "class", f"The file has several strategies: {names}.", "Leave one.")
            return None, False
        if not leaves:
            return None, False
        return leaves[0], descends(leaves[0], classes, older_bases)

    def _older(self, kind: ast.ClassDef, members: dict[str, ast.stmt]) -> Outline:
        self.findings += older.look_at_class(kind, members)
        said = older.literals(members, MANIFEST)
        return Outline(
            class_name=kind.name,
            description=(ast.get_docstring(kind) or "").partition("\n")[0][:200],
            instrument=str(said.get("instrument") or said.get("pair") or ""),
            resolution=str(said.get("resolution", "")),
            lookback=int(said.get("lookback_period") or DEFAULT_LOOKBACK),
            style="on_market_data",
        )

    def _function(self) -> Outline:
        main = older.entry(self.tree)
        if main is None:
            if not self.findings:
                hint = "Inherit strategy_runtime.BaseStrategy and write on_candle(self, candle)."
                self.say(None, "class", "The file defines no strategy.", hint)
            return Outline()
        self.findings += older.look_at_function(main)
        text = ast.get_docstring(main) or ast.get_docstring(self.tree) or ""
        return Outline(
            class_name=main.name, description=text.partition("\n")[0][:200], style="main"
        )

    def _check_hooks(self, kind: ast.ClassDef, members: dict[str, ast.stmt]) -> None:
        for name, node in members.items():
            if name in HOOKS:
                self._check_hook(name, node)
            elif name.startswith("on_") and isinstance(node, Function):
                self._check_stray_hook(name, node)
        decides = {"on_candle", "on_tick"} & members.keys()
        if not decides:
            message = f"{kind.name} has no on_candle: it would never decide anything."
            self.say(kind, "hook", message, "Write `def on_candle(self, candle):`.")

    def _check_hook(self, name: str, node: ast.stmt) -> None:
        wanted = "self, candle" if name == "on_candle" else "self, tick" if HOOKS[name] else "self"
        hint = f"Write `def {name}({wanted}):`."
        if not isinstance(node, Function):
            self.say(node, "hook", f"{name} must be a method.", hint)
        elif isinstance(node, ast.AsyncFunctionDef):
            self.say(node, "hook", f"{name} is a plain method: nothing is awaited in it.", hint)
        elif node.decorator_list:
            self.say(node, "hook", f"{name} takes no decorator.", hint)
        elif not takes(node.args, HOOKS[name] + 1):
            self.say(node, "hook", f"{name} is called with {wanted}.", hint)

    def _check_stray_hook(self, name: str, node: Function) -> None:
        if name in older.HOOKS:
            hint = "Inherit base_strategy.BaseStrategy for it, or write on_candle(self, candle)."
            self.say(node, "style", f"{name} is a hook of an older style.", hint)
            return
        near = get_close_matches(name, HOOKS, 1)
        hint = f"Did you mean {near[0]}?" if near else ""
        finding = Finding(
            "hook", f"Nobody calls {name[:60]}.", hint, node.lineno, node.col_offset + 1, "warning"
        )
        self.findings.append(finding)

    def _attributes(self, members: dict[str, ast.stmt]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in (*ATTRIBUTES, "resolutions"):
            value = assigned(members.get(name))
            if value is None:
                continue
            try:
                found[name] = self._attribute(name, ast.literal_eval(value))
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
                self.say(value, "attribute", f"{name}: {_says(error)}.", "Write a plain value.")
        if found.get("ticks") and "on_tick" not in members:
            message = "ticks = True, but there is no on_tick."
            self.say(members["ticks"], "hook", message, "Write `def on_tick(self, tick):`.")
        return found

    def _attribute(self, name: str, value: Any) -> Any:
        wanted = ATTRIBUTES.get(name)
        if wanted is not None and type(value) is not wanted:
            raise TypeError(f"{value!r:.60} is no {wanted.__name__}")
        if name == "lookback" and not 0 <= value <= MAX_LOOKBACK:
            raise ValueError(f"{value:.6g} must be between 0 and {MAX_LOOKBACK}")
        if name == "resolutions" and not isinstance(value, tuple | list):
            raise TypeError("it must be a tuple of resolutions")
        for resolution in (
            [value] if name == "resolution" else value if name == "resolutions" else []
        ):
            if resolution not in ("", *RESOLUTIONS):
                raise ValueError(f"{resolution!r:.40} is none of {', '.join(RESOLUTIONS)}")
        return value

    def _parameters(self, members: dict[str, ast.stmt]) -> Iterator[Parameter]:
        for name, node in members.items():
            call = assigned(node)
            if not isinstance(call, ast.Call) or dotted(call.func).rpartition(".")[2] != "param":
                continue
            try:
                yield self._parameter(name, node, call)
            except BadParameter as error:
                hint = "Choose a default within the parameter's own bounds."
                self.say(node, "parameter", f"The default: {error.what}", hint)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
                hint = "Write `name: int = param(10, ge=2)` with plain values."
                self.say(node, "parameter", f"Parameter {name!r}: {_says(error)}.", hint)

    def _parameter(self, name: str, node: ast.stmt, call: ast.Call) -> Parameter:
        if name in RESERVED or name.startswith("_"):
            raise ValueError("the name hides one of BaseStrategy's own")
        given = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg is not None}
        if len(given) < len(call.keywords) or len(call.args) > 1:
            raise ValueError("param takes a default and keywords")
        if call.args:
            given["default"] = ast.literal_eval(call.args[0])
        if "default" not in given:
            raise ValueError("it has no default")

        kind = _kind(node, given["default"])
        bounds = {bound: _number(given[bound]) for bound in BOUNDS if given.get(bound) is not None}
        if bounds and kind not in ("int", "float"):
            raise ValueError(f"a {kind} has no bounds")
        default = typed(kind, given["default"])
        if default is None:
            raise ValueError(f"its default {given['default']!r:.60} is no {kind}")
        choices = given.get("choices")
        parameter = Parameter(
            name,
            kind,  # type: ignore[arg-type] # one of four: _kind has looked
            default,
            bounds,
            None if choices is None else tuple(_choice(kind, c) for c in choices),
            str(given.get("description", ""))[:200],
        )
        parameter.accept(default)
        return parameter


def _kind(node: ast.stmt, default: object) -> str:
    if isinstance(node, ast.AnnAssign):
        annotation = node.annotation
        name = annotation.value if isinstance(annotation, ast.Constant) else dotted(annotation)
    else:
        name = type(default).__name__
    if name not in ("int", "float", "str", "bool"):
        raise ValueError("its type must be int, float, str or bool")
    return str(name)


def _number(value: object) -> float:
    number = typed("float", value)
    if number is None:
        raise ValueError(f"the bound {value!r:.40} is no finite number")
    return float(number)


def _choice(kind: str, value: object) -> Value:
    found = typed(kind, value)
    if found is None:
        raise ValueError(f"the choice {value!r:.40} is no {kind}")
    return found


def _says(error: Exception) -> str:
    text = str(error).rstrip(".")
    return "it is not written as a plain value" if "malformed node" in text else text[:200]
