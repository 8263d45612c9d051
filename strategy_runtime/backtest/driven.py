"""One strategy to be driven again and again, and what makes two of its decisions the same."""

import ast
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from strategy_runtime.backtest.aggregate import aggregate
from strategy_runtime.backtest.found import column_of, line_in
from strategy_runtime.backtest.track import DECIDING, path_of
from strategy_runtime.engine.engine import Decision, Setting
from strategy_runtime.engine.sweep import sweep
from strategy_runtime.loader import MODULE, load
from strategy_runtime.sdk.bars import Bars
from strategy_runtime.sdk.strategy import BaseStrategy

Said = Sequence[tuple[int, Decision]]

PLAIN = (int, float, str, bool, list, dict, tuple, set, type(None))


@dataclass(frozen=True)
class Case:
    source: str
    kind: type[BaseStrategy]
    setting: Setting
    fresh: Mapping[str, str]  # what outlives a run, as it was before the first

    @classmethod
    def of(cls, source: str, setting: Setting) -> "Case":
        """LoadError if its code is no strategy."""
        kind = load(source)
        return cls(source, kind, setting, shared(kind))

    @property
    def hook(self) -> tuple[int, int]:
        """Line and column of what decides, for what is no single line's fault."""
        lines = [
            node.lineno
            for node in ast.walk(ast.parse(self.source))
            if isinstance(node, ast.FunctionDef) and node.name in DECIDING
        ]
        line = min(lines, default=0)
        return line, column_of(self.source, line)

    def decisions(self, bars: Bars) -> Said:
        return sweep(self.kind, self.setting, bars, self.further(bars)).decisions

    def further(self, bars: Bars) -> Mapping[str, Bars]:
        names = {*self.setting.resolutions, *self.kind.resolutions} - {self.setting.resolution}
        return {name: aggregate(bars, name) for name in sorted(names)}

    def last_line(self, bars: Bars, bar: int) -> int:
        """Where the decision on that bar ended: for errors that no line of the author's raised."""
        path = path_of(bar, lambda: self.decisions(bars.part(0, bar + 1)))
        return path[-1] if path else self.hook[0]

    def error_key(self, text: str) -> tuple[int, str]:
        return line_in(text), text.partition(":")[0]


def differs(one: Said, other: Said) -> int | None:
    """The first bar on which they are not the same."""
    for (bar, mine), (at, theirs) in zip(one, other, strict=False):
        if bar != at or heart(mine) != heart(theirs):
            return min(bar, at)
    if len(one) == len(other):
        return None
    longer = one if len(one) > len(other) else other
    return longer[min(len(one), len(other))][0]


def heart(decision: Decision) -> tuple[object, ...]:
    """What must be the same; log lines and metrics may tell other things."""
    return decision.outcome, decision.signals, decision.position, decision.state


def mark(decision: Decision) -> str:
    """The same for the same decision, in whichever process."""
    return sha256(repr(heart(decision)).encode()).hexdigest()[:16]


def shared(kind: type[BaseStrategy]) -> dict[str, str]:
    """What outlives one run in the same process: globals, and attributes of the class."""
    module = sys.modules.get(MODULE)
    found = {} if module is None else plain_values(vars(module))
    for base in kind.__mro__:
        if base.__module__ == MODULE:
            own = plain_values(vars(base))
            found |= {f"{base.__name__}.{name}": value for name, value in own.items()}
    return {name: repr(value) for name, value in found.items()}


def plain_values(space: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in space.items()
        if not name.startswith("__") and isinstance(value, PLAIN)
    }
