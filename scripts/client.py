"""Writes `control_plane/client/{shapes,calls}.py` from the OpenAPI document: `make client`.

Left out are operations that a browser alone has a use for: forms with files (the same goes as JSON)
and those that live on cookies or lead elsewhere.
"""

import keyword
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from control_plane import web

FOLDER = Path(__file__).resolve().parent.parent / "control_plane" / "client"
MADE = "Made from the OpenAPI document by `make client`, never edited by hand."
PREFIX = "/api/v1"
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}

Schema = Mapping[str, Any]


def texts(document: Mapping[str, Any]) -> dict[str, str]:
    """The files by name."""
    operations = list(_operations(document))
    shapes = document["components"]["schemas"]
    answered = _answered(operations, shapes)
    return {
        "shapes.py": _formatted(_shapes_file(shapes, operations, answered)),
        "calls.py": _formatted(_calls_file(operations, shapes)),
    }


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    known = document["components"]["parameters"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            asked = [
                known.get(one.get("$ref", "").rsplit("/", 1)[-1], one)
                for one in operation["parameters"]
            ]
            bodies = operation.get("requestBody", {}).get("content", {"application/json": {}})
            is_browsers = (
                any(one["in"] == "cookie" for one in asked) or "303" in operation["responses"]
            )
            if "application/json" in bodies and not is_browsers:
                yield path.removeprefix(PREFIX), method, {**operation, "parameters": asked}


# ---- shapes --------------------------------------------------------------------------------------


def _shapes_file(
    shapes: Mapping[str, Schema], operations: list[tuple[str, str, Any]], answered: set[str]
) -> str:
    bodies = {_ref(_body(operation)) for _, _, operation in operations} - {""}
    used = set(answered)
    for body in bodies:
        used |= _reached(shapes[body], shapes)
    lines = [
        f'"""What Slipway takes and answers.\n\n{MADE}\n"""',
        "from typing import Any, Literal, NotRequired, TypedDict",
    ]
    for name in _in_order(used, shapes):
        schema = shapes[name]
        lines.append(f"class {name}(TypedDict):")
        if schema.get("description"):
            lines.append(_docstring(schema["description"]))
        required = schema.get("required", [])
        for field, of in schema["properties"].items():
            kind = _kind(of)
            is_there = name in answered or field in required
            lines.append(f"    {field}: {kind if is_there else f'NotRequired[{kind}]'}")
    return "\n".join(lines)


def _in_order(names: set[str], shapes: Mapping[str, Schema]) -> list[str]:
    """Each after those that it is made of."""
    ordered: list[str] = []
    while left := sorted(names - set(ordered)):
        ready = [
            name
            for name in left
            if not (_reached(shapes[name].get("properties"), shapes) - set(ordered) - {name})
        ]
        ordered += ready
    return [name for name in ordered if not name.startswith("Items_")]


def _answered(operations: list[tuple[str, str, Any]], shapes: Mapping[str, Schema]) -> set[str]:
    """Shapes of answers: the server leaves nothing out."""
    found: set[str] = set()
    for _, _, operation in operations:
        found |= _reached(_answer(operation), shapes)
    return found


def _reached(schema: Any, shapes: Mapping[str, Schema]) -> set[str]:
    found: set[str] = set()
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            name = _ref(schema)
            return {name} | _reached(shapes[name].get("properties", {}), shapes)
        for inner in schema.values():
            found |= _reached(inner, shapes)
    elif isinstance(schema, list):
        for inner in schema:
            found |= _reached(inner, shapes)
    return found


# ---- calls ---------------------------------------------------------------------------------------


def _calls_file(operations: list[tuple[str, str, Any]], shapes: Mapping[str, Schema]) -> str:
    lines = [
        f'"""Every operation, as a function that makes its call.\n\n{MADE}\n"""',
        "from decimal import Decimal",
        "from typing import Any, Literal",
        "from control_plane.client import shapes",
        "from control_plane.client.call import Call, Items, given, part",
    ]
    for path, method, operation in sorted(operations, key=lambda one: one[2]["operationId"]):
        lines += _function(path, method, operation, shapes)
    return "\n".join(lines)


def _function(
    path: str, method: str, operation: Mapping[str, Any], shapes: Mapping[str, Schema]
) -> list[str]:
    asked = operation["parameters"]
    in_path = [one["name"] for one in asked if one["in"] == "path"]
    query = [one for one in asked if one["in"] == "query"]
    headers = [one for one in asked if one["in"] == "header" and one["name"] in HEADERS]
    body = shapes[_ref(_body(operation))] if _ref(_body(operation)) else {}
    fields = body.get("properties", {})

    needed = [f"{_name(one)}: str" for one in in_path]
    needed += [f"{_name(one['name'])}: {_kind(one['schema'])}" for one in query if _must(one)]
    needed += [
        f"{_name(field)}: {_kind(of, 'shapes.')}"
        for field, of in fields.items()
        if field in body.get("required", [])
    ]
    optional = [
        f"{_name(field)}: {_maybe(_kind(of, 'shapes.'))}"
        for field, of in fields.items()
        if field not in body.get("required", [])
    ]
    optional += [
        f"{_name(one['name'])}: {_maybe(_kind(one['schema']))}" for one in query if not _must(one)
    ]
    optional += [f"{HEADERS[one['name']]}: str | None = None" for one in headers]

    answer = _answer(operation)
    result = _kind(answer, "shapes.") if answer else "None"
    parts = [f'"{method.upper()}"', _path(path)]
    if query:
        parts.append(f"query=given({_mapping([one['name'] for one in query])})")
    if fields:
        parts.append(f"body=given({_mapping(list(fields))})")
    if headers:
        names = ", ".join(f'"{one["name"]}": {HEADERS[one["name"]]}' for one in headers)
        parts.append(f"headers=given({{{names}}})")
    if any(one["name"] == "Idempotency-Key" for one in asked):
        parts.append("takes_key=True")
    signature = ", ".join(needed + optional)
    star = "*, " if signature else ""
    return [
        f"def {operation['operationId']}({star}{signature}) -> Call[{result}]:",
        _docstring(operation["description"]),
        f"    return Call({', '.join(parts)})",
    ]


HEADERS = {"If-Match": "if_match"}


def _path(path: str) -> str:
    filled = re.sub(r"\{(\w+)\}", lambda found: f"{{part({_name(found[1])})}}", path)
    return f'f"{filled}"' if filled != path else f'"{path}"'


def _mapping(names: list[str]) -> str:
    return "{" + ", ".join(f'"{name}": {_name(name)}' for name in names) + "}"


# ---- both ----------------------------------------------------------------------------------------


def _kind(schema: Schema, prefix: str = "") -> str:
    """A schema as a Python type."""
    if "$ref" in schema:
        name = _ref(schema)
        if name.startswith("Items_"):
            return f"Items[{prefix}{name.removeprefix('Items_').removesuffix('_')}]"
        return prefix + name
    if "anyOf" in schema:
        kinds = list(dict.fromkeys(_kind(one, prefix) for one in schema["anyOf"]))
        if {"float", "str"} <= set(kinds) and prefix:  # money: exact, or as text
            kinds = ["Decimal", *[kind for kind in kinds if kind != "float"]]
        return " | ".join(kinds)
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return f"Literal[{', '.join(map(repr, values))}]"
    match schema.get("type"):
        case "array":
            return f"list[{_kind(schema.get('items', {}), prefix)}]"
        case "object":
            more = schema.get("additionalProperties")
            return f"dict[str, {_kind(more, prefix) if isinstance(more, Mapping) else 'Any'}]"
        case None:
            return "Any"
        case plain:
            return PLAIN[plain]


def _maybe(kind: str) -> str:
    return f"{kind} = None" if "None" in kind or kind == "Any" else f"{kind} | None = None"


def _must(parameter: Mapping[str, Any]) -> bool:
    return bool(parameter.get("required"))


def _name(text: str) -> str:
    return f"{text}_" if keyword.iskeyword(text) else text


def _ref(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]


def _body(operation: Mapping[str, Any]) -> Schema:
    content = operation.get("requestBody", {}).get("content", {})
    found: Schema = content.get("application/json", {}).get("schema", {})
    # One that may be left out is a shape or nothing.
    return next((one for one in found.get("anyOf", ()) if "$ref" in one), found)


def _answer(operation: Mapping[str, Any]) -> Schema:
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            found: Schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
            return found
    return {}


def _docstring(text: str) -> str:
    words = " ".join(text.split())
    lines = textwrap.wrap(words, 88)
    inner = "\n    ".join(lines)
    return f'    """{inner}\n    """' if len(lines) > 1 else f'    """{inner}"""'


def _formatted(text: str) -> str:
    ruff = [sys.executable, "-m", "ruff"]
    how = ["--quiet", "--config", str(FOLDER.parent.parent / "pyproject.toml"), "-"]
    for arguments in (["check", "--fix", "--select", "I,F401"], ["format"]):
        done = subprocess.run(
            [*ruff, *arguments, *how], input=text, capture_output=True, text=True, check=True
        )
        text = done.stdout
    return text


if __name__ == "__main__":
    for name, text in texts(web.document()).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
