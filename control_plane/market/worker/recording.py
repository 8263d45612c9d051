"""Everything that sockets said, as lines of JSON, and the same said again.

A recording replays what the venue sent, not what we made of it: each line is the moment, the host,
the event's name and its argument as it came.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path
from typing import Any

from control_plane.core.clock import Clock, ms
from control_plane.infra.socket_io import Connection, Event


@dataclass
class Recorder:
    """Adds to a file; whole lines only, so that a crash costs the last one at most."""

    path: Path
    clock: Clock
    _file: BufferedWriter | None = field(default=None, repr=False)

    def __call__(self, url: str, name: str, argument: object) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
        line = [ms(self.clock.now()), url, name, argument]
        self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def recorded(path: Path) -> Iterator[tuple[int, str, Event]]:
    """A line that a crash broke off ends it."""
    with path.open("rb") as file:
        for line in file:
            try:
                at_ms, url, name, argument = json.loads(line)
            except ValueError:
                return
            yield int(at_ms), str(url), (str(name), argument)


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
