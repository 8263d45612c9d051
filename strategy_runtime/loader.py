"""From source text to the one strategy class in it. Nothing is read from a path.

The text is registered with `linecache`, so that a traceback shows the author's lines.
"""

import linecache
import sys
from collections.abc import Callable
from importlib import import_module
from types import CodeType, ModuleType

from strategy_runtime.engine.failures import RAISED, explain
from strategy_runtime.sdk.errors import StrategyError
from strategy_runtime.sdk.strategy import BaseStrategy

FILENAME = "strategy.py"
MODULE = "strategy"
OLDER_MODULE = "base_strategy"
OLDER_BASE = "strategy_runtime.sdk.older.base"

Run = Callable[[], ModuleType]


class LoadError(Exception):
    """The code is no strategy that can run. The text is for its author."""


def load(source: str, filename: str = FILENAME) -> type[BaseStrategy]:
    """Run the module and find its strategy, in whichever style it is written."""
    code = _compiled(source, filename)
    lines = source.splitlines(keepends=True)
    linecache.cache[filename] = (len(source), None, lines, filename)
    is_older = OLDER_MODULE in source
    if is_older:
        # What older strategies import by this name; it is loaded for them alone.
        sys.modules[OLDER_MODULE] = import_module(OLDER_BASE)
    if OLDER_BASE in sys.modules:
        sys.modules[OLDER_BASE].STAGE.started = []

    def again() -> ModuleType:
        return _ran(code, filename)

    try:
        module = again()
    except RAISED as error:
        raise LoadError(explain(error, filename)) from error
    if is_older or (not _kinds(module) and callable(getattr(module, "main", None))):
        found = _older(module, again, filename)
        if found is not None:
            return found
    return find(module)


def _ran(code: CodeType, filename: str) -> ModuleType:
    module = ModuleType(MODULE)
    module.__file__ = filename
    # Dataclasses and type hints look their module up by name.
    sys.modules[MODULE] = module
    exec(code, module.__dict__)  # noqa: S102 - running it is what this process is for
    return module


def _older(module: ModuleType, again: Run, filename: str) -> type[BaseStrategy] | None:
    adapters = import_module("strategy_runtime.sdk.older.adapters")
    try:
        found: type[BaseStrategy] | None = adapters.adapted(module, again, filename)
    except StrategyError as error:
        raise LoadError(str(error)) from error
    return found


def find(module: ModuleType) -> type[BaseStrategy]:
    """The one class that the module defines for running; classes that others inherit are bases."""
    mine = _kinds(module)
    leaves = {kind for kind in mine if not any(kind in other.__mro__[1:] for other in mine)}
    if not leaves:
        raise LoadError("the file defines no strategy: write a class that inherits BaseStrategy")
    if len(leaves) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in leaves))
        raise LoadError(f"the file defines several strategies ({names}): leave one")

    kind = leaves.pop()
    if kind.on_candle is BaseStrategy.on_candle and kind.on_tick is BaseStrategy.on_tick:
        raise LoadError(f"{kind.__name__} has no on_candle: it would never decide anything")
    return kind


def _kinds(module: ModuleType) -> list[type[BaseStrategy]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, BaseStrategy)
        and value.__module__ == module.__name__
    ]


def _compiled(source: str, filename: str) -> CodeType:
    try:
        return compile(source, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        text = (error.text or "").strip()
        shown = f": {text}" if text else ""
        raise LoadError(f"{filename}, line {error.lineno}: {error.msg}{shown}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise LoadError(
            f"{filename} does not compile: {str(error) or type(error).__name__}"
        ) from error
