"""The other side of a live connection, without a socket."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from control_plane.live.service.hub import Gone


@dataclass
class FakePeer:
    """Says what a test tells it to, and keeps what it hears. While `reads` is not set, it takes
    nothing.
    """

    heard: list[dict[str, Any]] = field(default_factory=list)
    closed: tuple[int, str] | None = None
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    _says: asyncio.Queue[str | bytes | None] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.reads.set()

    def say(self, **message: Any) -> None:
        self._says.put_nowait(json.dumps(message))

    def say_raw(self, frame: str | bytes) -> None:
        self._says.put_nowait(frame)

    def leave(self) -> None:
        self._says.put_nowait(None)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.heard if one["type"] == kind]

    def numbers(self, name: str = "a") -> list[int]:
        return [one["number"] for one in self.of("event") if one["id"] == name]

    async def receive(self) -> str | bytes:
        frame = await self._says.get()
        if frame is None:
            raise Gone
        return frame

    async def send(self, frame: str) -> None:
        await self.reads.wait()
        self.heard.append(json.loads(frame))

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
