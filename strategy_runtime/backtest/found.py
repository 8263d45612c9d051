"""What driving a strategy found: where, what, and what to do about it."""

import ast

from msgspec import Struct

from strategy_runtime.loader import FILENAME

MAX_MESSAGE = 500

HINTS = {
    "SignalError": "A stop lies on the losing side of the close and a target on the winning one; "
    "a hook returns what self.long() and its kind give, or nothing.",
    "DeclarationError": "Declare indicators and parameters in on_start and in the class body.",
    "ParameterError": "Set it within the bounds that the class declares.",
    "BadState": "self.state is a dict of JSON values with texts as keys, at most 16 KB.",
    "IndexError": "The first candles have a short history: return until len(self.history) is "
    "enough.",
    "KeyError": "Look at which names there are: columns are open, high, low, close, volume.",
    "ZeroDivisionError": "A volume, a range or a spread may be 0: ask before dividing.",
    "AttributeError": "Set it in on_start, and check its spelling.",
    "NameError": "Define or import it, and check its spelling.",
    "TypeError": "Compare with what the documentation says that it takes.",
    "ValueError": "Look at the values on that candle: self.log shows them.",
    "RecursionError": "A function calls itself without an end: use a loop.",
    "MemoryError": "A strategy has 512 MB: keep what you need of self.history, not all of it.",
    "ImportError": "There are the standard library, numpy, pandas, talib and msgspec.",
    "ModuleNotFoundError": "There are the standard library, numpy, pandas, talib and msgspec.",
    "SystemExit": "A strategy ends when its deployment is stopped, not by itself.",
}
USUAL = "Run `slipway replay` on these candles to see each decision."


class Found(Struct, frozen=True):
    rule: str
    message: str
    hint: str = ""
    line: int = 0
    column: int = 0
    severity: str = "error"


def raised(rule: str, text: str, beside: str, source: str, line: int = 0) -> Found:
    """A finding of an explained error; `line` where the author's own is not in it."""
    first = text.splitlines()[0].rpartition("errors.")[2]
    kind = first.partition(":")[0].rpartition(".")[2]
    at = line_in(text) or line
    message = f"{first[:MAX_MESSAGE]}{beside}"
    return Found(rule, message, HINTS.get(kind, USUAL), at, column_of(source, at))


def line_in(text: str) -> int:
    """The author's own line in an explained error: the innermost comes last."""
    lines = [part for part in text.splitlines() if part.strip().startswith(f"{FILENAME}, line ")]
    digits = lines[-1].partition("line ")[2] if lines else ""
    number = digits.partition(",")[0].partition(":")[0]
    return int(number) if number.isdigit() else 0


def column_of(source: str, line: int) -> int:
    """Where the text of that line begins, counted from 1; 0 where there is none."""
    lines = source.splitlines()
    if not 0 < line <= len(lines):
        return 0
    text = lines[line - 1]
    return len(text) - len(text.lstrip()) + 1


def where_kept(source: str, names: list[str]) -> int:
    """The line that changes one of these attributes or globals, outside of what makes them."""
    wanted = {name.rpartition(".")[2] for name in names}
    best = 0
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef) or node.name in ("__init__", "on_start"):
            continue
        for inner in ast.walk(node):
            name = _changed(inner)
            if name in wanted and (not best or inner.lineno < best):  # type: ignore[attr-defined]
                best = inner.lineno  # type: ignore[attr-defined]
    return best


def _changed(node: ast.AST) -> str:
    """The name of what is assigned, added to, or has a method called."""
    match node:
        case ast.AugAssign(target=target) | ast.Assign(targets=[target]):
            return _name(target)
        case ast.Call(func=ast.Attribute(value=value)):
            return _name(value)
    return ""


def _name(node: ast.expr) -> str:
    match node:
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return name
        case ast.Subscript(value=value):
            return _name(value)
        case ast.Name(id=name):
            return name
    return ""
