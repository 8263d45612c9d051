"""Sockets that follow a script, or a recording: what arrives on each connection."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from control_plane.core.clock import Clock, ms
from control_plane.infra.net import Unreachable
from control_plane.infra.socket_io import Connection, Event
from control_plane.market.service.recording import recorded


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


@dataclass
class Replayed:
    """Sockets on which a recording is said again, each event at its own moment."""

    path: Path
    clock: Clock

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Connection]:
        yield _Said(url, recorded(self.path), self.clock)


@dataclass
class _Said:
    url: str
    events: Iterator[tuple[int, str, Event]]
    clock: Clock

    async def emit(self, name: str, data: dict[str, Any]) -> None:
        """Nobody is there to hear it."""

    async def next_event(self) -> Event | None:
        for at_ms, url, event in self.events:
            if url == self.url:
                wait = at_ms - ms(self.clock.now())
                if wait > 0:
                    await self.clock.sleep(wait / 1000)
                return event
        return None
