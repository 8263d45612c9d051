"""What a strategy's code may not name. A courtesy to its author: the sandbox is the defence."""

import ast
import sys
from collections.abc import Iterator

from control_plane.strategies.models.findings import Finding

IN_THE_IMAGE = frozenset(
    {"strategy_runtime", "base_strategy", "numpy", "pandas", "talib", "msgspec", "requests"}
)

_NO_NETWORK = "A strategy has no network: its market data comes in on_candle and self.history."
_NO_PROCESS = "A strategy runs in one process with one thread of its own."
_NO_FILES = "A strategy has no files: keep what must last in self.state."
_NO_MACHINE = "A strategy sees its market and nothing of the machine."
_NO_CODE = "Write the code out: what a strategy runs must stand in its file."

FORBIDDEN_MODULES = {
    **dict.fromkeys(
        [
            "socket",
            "socketserver",
            "ssl",
            "http",
            "urllib",
            "ftplib",
            "smtplib",
            "poplib",
            "imaplib",
            "telnetlib",
            "xmlrpc",
            "webbrowser",
            "select",
            "selectors",
            "asyncio",
            "asyncore",
            "wsgiref",
        ],
        _NO_NETWORK,
    ),
    **dict.fromkeys(
        [
            "subprocess",
            "multiprocessing",
            "threading",
            "_thread",
            "concurrent",
            "pty",
            "signal",
            "sched",
        ],
        _NO_PROCESS,
    ),
    **dict.fromkeys(
        [
            "os",
            "posix",
            "shutil",
            "tempfile",
            "pathlib",
            "glob",
            "fileinput",
            "sqlite3",
            "dbm",
            "shelve",
            "zipfile",
            "tarfile",
            "mmap",
            "fcntl",
        ],
        _NO_FILES,
    ),
    **dict.fromkeys(
        ["ctypes", "resource", "gc", "platform", "getpass", "pwd", "grp", "syslog"], _NO_MACHINE
    ),
    **dict.fromkeys(
        [
            "importlib",
            "imp",
            "builtins",
            "runpy",
            "code",
            "codeop",
            "pickle",
            "marshal",
            "pdb",
            "bdb",
            "trace",
        ],
        _NO_CODE,
    ),
}
_SAME = "Decisions may depend on candles, parameters, state and position only."
DOUBTFUL_MODULES = {
    **dict.fromkeys(["random", "secrets", "uuid", "time"], _SAME),
    "requests": _NO_NETWORK,
    "sys": _NO_MACHINE,
}
FORBIDDEN_CALLS = {
    **dict.fromkeys(("eval", "exec", "compile", "__import__"), _NO_CODE),
    **dict.fromkeys(("open", "input"), _NO_FILES),
    **dict.fromkeys(("breakpoint", "exit", "quit"), _NO_PROCESS),
    **dict.fromkeys(("globals", "vars", "locals"), _NO_CODE),
}
FORBIDDEN_ATTRIBUTES = frozenset(
    {"__subclasses__", "__globals__", "__builtins__", "__code__", "__bases__", "__mro__"}
    | {"__loader__", "__spec__", "__closure__", "f_globals", "f_back", "gi_frame"}
)
FORBIDDEN_METHODS = {
    **dict.fromkeys(
        ("read_csv", "read_parquet", "read_pickle", "read_sql", "read_json", "read_excel"),
        _NO_FILES,
    ),
    **dict.fromkeys(("fromfile", "genfromtxt", "loadtxt", "memmap", "savetxt"), _NO_FILES),
    **dict.fromkeys(("to_csv", "to_parquet", "to_pickle", "to_sql"), _NO_FILES),
}


def look(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for name in names:
                    yield from _module(name.name, node)
            case ast.ImportFrom(module=module, level=level):
                if level:
                    yield _at(
                        node, "import", "There is nothing beside the file to import from.", _NO_CODE
                    )
                else:
                    yield from _module(module or "", node)
            case ast.Call(func=ast.Name(id=name)) if name in FORBIDDEN_CALLS:
                yield _at(node, "call", f"{name}() is not for strategies.", FORBIDDEN_CALLS[name])
            case ast.Call(func=ast.Attribute(attr=name)) if name in FORBIDDEN_METHODS:
                yield _at(node, "call", f"{name}() finds no file.", FORBIDDEN_METHODS[name])
            case ast.Attribute(attr=name) if name in FORBIDDEN_ATTRIBUTES:
                yield _at(node, "attribute", f"{name} is not for strategies.", _NO_CODE)


def _module(name: str, node: ast.stmt) -> Iterator[Finding]:
    top = name.partition(".")[0]
    if top in FORBIDDEN_MODULES:
        yield _at(node, "import", f"{name} may not be imported.", FORBIDDEN_MODULES[top])
    elif top in DOUBTFUL_MODULES:
        yield _at(
            node, "import", f"{name} is of little use here.", DOUBTFUL_MODULES[top], "warning"
        )
    elif top not in IN_THE_IMAGE and top not in sys.stdlib_module_names:
        offered = ", ".join(sorted(IN_THE_IMAGE - {"base_strategy", "requests"}))
        yield _at(
            node,
            "import",
            f"{top[:60]} is not in the strategies' image.",
            f"There are the standard library, {offered}.",
        )


def _at(
    node: ast.stmt | ast.expr, rule: str, message: str, hint: str = "", severity: str = "error"
) -> Finding:
    column = node.col_offset + 1
    if severity == "warning":
        return Finding(rule, message, hint, node.lineno, column, "warning")
    return Finding(rule, message, hint, node.lineno, column)
