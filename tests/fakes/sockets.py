"""Sockets that follow a script: for each connection, what arrives on it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from control_plane.infra.net import Unreachable
from control_plane.infra.socket_io import Connection, Event


@dataclass
class FakeConnection:
    """None ends it; without it, the connection stays silent."""

    script: list[Event | None]
    emitted: list[tuple[str, dict[str, Any]]]

    async def emit(self, name: str, data: dict[str, Any]) -> None:
        self.emitted.append((name, data))

    async def next_event(self) -> Event | None:
        if not self.script:
            await asyncio.Event().wait()
        return self.script.pop(0)


@dataclass
class FakeSockets:
    """None instead of a script is nobody there."""

    scripts: list[Sequence[Event | None] | None]
    emitted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    connections: int = 0

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Connection]:
        self.connections += 1
        script = self.scripts.pop(0) if self.scripts else []
        if script is None:
            raise Unreachable(f"{url} takes no connection.")
        yield FakeConnection(list(script), self.emitted)
