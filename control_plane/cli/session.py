"""Talking to a running Slipway, and saying what came of it.

Nothing heavy is imported before a command needs it: `slipway --help` answers at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from control_plane.cli import kept
from control_plane.cli.kept import Kept
from control_plane.client import Call, Items, Unreachable, calls, shapes
from control_plane.errors import Invalid

if TYPE_CHECKING:
    from control_plane.client import AsyncClient
    from control_plane.infra.operator import Operator

T = TypeVar("T")
R = TypeVar("R", shapes.DeploymentOut, shapes.AccountOut, shapes.BacktestOut)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Limit = Annotated[
    int, typer.Option("--limit", "-n", min=1, max=500, help="How many, newest first.")
]


DATA_DIR: ContextVar[Path | None] = ContextVar("DATA_DIR", default=None)
"""What stands before the command's name, for the commands that come after it."""


OF_THE_PAGE: Call[dict[str, Any]] = Call("GET", "/status.json")
READY: Call[dict[str, Any]] = Call("GET", "/health/ready")
TRIES = 1  # again, after a quarter of a second: a person waits
MOST = 500  # rows in one page


@dataclass(frozen=True)
class Api:
    """The API of one Slipway, as its operator or as whoever signed in."""

    client: "AsyncClient"

    @property
    def address(self) -> str:
        return self.client.address

    @property
    def token(self) -> str:
        return self.client.token

    async def send(self, asked: Call[T]) -> T:
        return await self.client.send(asked)

    async def all(self, asked: Call[Items[T]]) -> list[T]:
        """A whole list, page after page."""
        return [row async for row in self.client.each(asked)]

    async def rows(self, asked: Call[Items[T]]) -> list[T]:
        """One page of it."""
        return (await self.client.send(asked))["items"]


def call(doing: Callable[[Api], Awaitable[T]]) -> T:
    """Run `doing` against the Slipway of this data folder, or the one that one has signed in to."""
    at = target()
    return call_at(at.address, at.token, doing)


def ask(asked: Call[T]) -> T:
    """The answer to one call."""
    return call(lambda api: api.send(asked))


def ask_rows(asked: Call[Items[T]]) -> list[T]:
    """A page of a list."""
    return ask(asked)["items"]


def ask_all(asked: Call[Items[T]]) -> list[T]:
    """A whole list, page after page."""
    return call(lambda api: api.all(asked))


def call_at(address: str, token: str, doing: Callable[[Api], Awaitable[T]]) -> T:
    return asyncio.run(_call(address, token, doing))


def until_interrupted(doing: Callable[[Api], Awaitable[T]]) -> T | None:
    """What goes on until Ctrl-C, or until nobody reads any more: both are an ordinary end."""
    try:
        return call(doing)
    except (KeyboardInterrupt, BrokenPipeError):
        return None


def address_of() -> str:
    """Where the Slipway of this data folder listens."""
    from control_plane.infra import operator

    return operator.find(data_dir()).address


def target() -> "Kept | Operator":
    """Whoever may read the data folder is its operator; anybody else has signed in."""
    from control_plane.infra import operator

    try:
        return operator.find(data_dir())
    except operator.NotRunning:
        signed_in = kept.read()
        if signed_in is None:
            raise
        return signed_in


async def _call(address: str, token: str, doing: Callable[[Api], Awaitable[T]]) -> T:
    from control_plane.client import AsyncClient
    from control_plane.infra import operator

    try:
        async with AsyncClient(address, token, tries=TRIES) as client:
            return await doing(Api(client))
    except Unreachable as error:
        raise operator.NotRunning(
            f"The Slipway at {address} does not answer.",
            remedy="Start it with `slipway up`.",
        ) from error


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


async def find_deployment(api: Api, text: str) -> shapes.DeploymentOut:
    found = await api.all(calls.list_deployments(limit=MOST))
    return _one_of(found, text, "deployment")


async def find_account(api: Api, text: str) -> shapes.AccountOut:
    return _one_of(await api.all(calls.list_accounts(limit=MOST)), text, "account")


async def find_backtest(api: Api, text: str) -> shapes.BacktestOut:
    return _one_of(await api.all(calls.list_backtests(limit=MOST)), text, "backtest")


def _one_of(rows: Sequence[R], text: str, what: str) -> R:
    """One of a list, by its id or its name."""
    found = [row for row in rows if row["id"] == text] or [
        row for row in rows if row["name"] == text
    ]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(row["id"] for row in found)
        raise Invalid(f"Several are named {text!r}: {ids}.", remedy="Give the id.")
    names = ", ".join(sorted(row["name"] for row in rows)[:10])
    raise Invalid(
        f"There is no {what} {text!r}.",
        remedy=f"There are: {names}." if names else f"There is no {what} yet.",
    )
