"""Talking to a running Slipway, and saying what came of it.

Nothing heavy is imported before a command needs it: `slipway --help` answers at once.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

import typer

from control_plane.cli import kept
from control_plane.cli.kept import Kept
from control_plane.errors import Invalid, SlipwayError

if TYPE_CHECKING:
    from control_plane.infra.net import Net
    from control_plane.infra.operator import Operator

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Limit = Annotated[
    int, typer.Option("--limit", "-n", min=1, max=500, help="How many, newest first.")
]


DATA_DIR: ContextVar[Path | None] = ContextVar("DATA_DIR", default=None)
"""What stands before the command's name, for the commands that come after it."""


class Refused(SlipwayError):
    """Slipway said no, and why."""


@dataclass(frozen=True)
class Api:
    """The API of one Slipway, with the operator's token or one's own."""

    net: "Net"
    address: str
    token: str
    session: str = ""

    def known_by(self, token: str, session: str) -> "Api":
        return Api(self.net, self.address, token, session)

    async def get(self, path: str, **query: Any) -> Any:
        given = {key: value for key, value in query.items() if value is not None}
        return await self._send("GET", f"{path}?{urlencode(given)}" if given else path, None)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return await self._send("POST", path, body or {})

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._send("PUT", path, body)

    async def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._send("PATCH", path, body)

    async def delete(self, path: str) -> Any:
        return await self._send("DELETE", path, None)

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        from control_plane.infra.net import Request

        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = b"" if body is None else json.dumps(body).encode()
        prefix = "" if path.startswith(("/status.json", "/health")) else "/api/v1"
        reply = await self.net.send(
            Request(method, f"{self.address}{prefix}{path}", headers, content, 30.0)
        )
        found = json.loads(reply.body) if reply.body else None
        if reply.status >= 400 and not path.startswith("/health"):
            raise _refusal(found, reply.status)
        return found


def part(text: str) -> str:
    """One part of a path, whatever its characters."""
    return quote(text, safe="")


def call(ask: Callable[[Api], Awaitable[T]]) -> T:
    """Run `ask` against the Slipway of this data folder, or the one that one has signed in to."""
    target = _target()
    return call_at(target.address, target.token, ask)


def call_at(address: str, token: str, ask: Callable[[Api], Awaitable[T]]) -> T:
    return asyncio.run(_call(address, token, ask))


def until_interrupted(ask: Callable[[Api], Awaitable[T]]) -> T | None:
    """What goes on until Ctrl-C, or until nobody reads any more: both are an ordinary end."""
    try:
        return call(ask)
    except (KeyboardInterrupt, BrokenPipeError):
        return None


def address_of() -> str:
    """Where the Slipway of this data folder listens."""
    from control_plane.infra import operator

    return operator.find(data_dir()).address


def _target() -> "Kept | Operator":
    """Whoever may read the data folder is its operator; anybody else has signed in."""
    from control_plane.infra import operator

    try:
        return operator.find(data_dir())
    except operator.NotRunning:
        signed_in = kept.read()
        if signed_in is None:
            raise
        return signed_in


async def _call(address: str, token: str, ask: Callable[[Api], Awaitable[T]]) -> T:
    from control_plane.infra import operator
    from control_plane.infra.net import HttpxNet, Unreachable

    net = HttpxNet()
    try:
        return await ask(Api(net, address, token))
    except Unreachable as error:
        raise operator.NotRunning(
            f"The Slipway at {address} does not answer.",
            remedy="Start it with `slipway up`.",
        ) from error
    finally:
        await net.close()


def data_dir() -> Path:
    """The folder that --data-dir, SLIPWAY_DATA_DIR or .env names."""
    given = DATA_DIR.get()
    if given is not None:
        return given
    from control_plane.settings import load

    return load().data_dir


def given(**options: Any) -> dict[str, Any]:
    """What was said; the rest is for the environment to say."""
    return {name: value for name, value in options.items() if value not in (None, {})}


async def find(api: Api, path: str, text: str, what: str) -> dict[str, Any]:
    """One of a list, by its id or its name."""
    rows = (await api.get(path, limit=500))["items"]
    found = [row for row in rows if row["id"] == text] or [
        row for row in rows if row.get("name") == text
    ]
    if len(found) == 1:
        return dict(found[0])
    if found:
        ids = ", ".join(row["id"] for row in found)
        raise Invalid(f"Several are named {text!r}: {ids}.", remedy="Give the id.")
    names = ", ".join(sorted(str(row.get("name")) for row in rows)[:10])
    raise Invalid(
        f"There is no {what} {text!r}.",
        remedy=f"There are: {names}." if names else f"There is no {what} yet.",
    )


def _refusal(found: Any, status: int) -> Refused:
    if not isinstance(found, dict):
        return Refused(f"Slipway answered with status {status}.")
    return Refused(
        str(found.get("detail", f"Slipway answered with status {status}.")),
        field=found.get("field"),
        remedy=found.get("remedy"),
    )
