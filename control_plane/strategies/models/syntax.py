"""Questions to a syntax tree that know nothing of what a strategy is."""

import ast

SDK_MODULES = ("strategy_runtime", "strategy_runtime.sdk", "strategy_runtime.sdk.strategy")

OLDER_MODULE = "base_strategy"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def imported_bases(tree: ast.Module) -> tuple[set[str], set[str]]:
    """By which dotted names the file knows BaseStrategy, and the older one."""
    found = {"new": set[str](), "older": set[str]()}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in (*SDK_MODULES, OLDER_MODULE):
            style = "older" if node.module == OLDER_MODULE else "new"
            found[style] |= {a.asname or a.name for a in node.names if a.name == "BaseStrategy"}
        elif isinstance(node, ast.Import):
            for a in node.names:
                if a.name in (*SDK_MODULES, OLDER_MODULE):
                    style = "older" if a.name == OLDER_MODULE else "new"
                    found[style].add(f"{a.asname or a.name}.BaseStrategy")
    return found["new"], found["older"]


def descends(kind: ast.ClassDef, classes: dict[str, ast.ClassDef], bases: set[str]) -> bool:
    seen, waiting = set[str](), [kind]
    while waiting:
        for name in map(dotted, waiting.pop().bases):
            if name in bases:
                return True
            if name in classes and name not in seen:
                seen.add(name)
                waiting.append(classes[name])
    return False


def members_of(kind: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> dict[str, ast.stmt]:
    """What the class and those of the file that it inherits define; its own last, so that it
    wins.
    """
    line, name = [kind], None
    while (name := next((b for b in map(dotted, line[-1].bases) if b in classes), None)) and (
        classes[name] not in line
    ):
        line.append(classes[name])
    members: dict[str, ast.stmt] = {}
    for found in reversed(line):
        for node in found.body:
            match node:
                case ast.FunctionDef(name=own) | ast.AsyncFunctionDef(name=own):
                    members[own] = node
                case ast.AnnAssign(target=ast.Name(id=own), value=ast.expr()):
                    members[own] = node
                case ast.Assign(targets=[ast.Name(id=own)]):
                    members[own] = node
    return members


def assigned(node: ast.stmt | None) -> ast.expr | None:
    return node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None


def dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def takes(args: ast.arguments, count: int) -> bool:
    places = len(args.posonlyargs) + len(args.args)
    required = places - len(args.defaults)
    named = [d for d in args.kw_defaults if d is None]
    return required <= count and (count <= places or args.vararg is not None) and not named
