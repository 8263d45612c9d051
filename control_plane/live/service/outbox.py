"""What waits to be sent to one reader: bounded, and whoever leaves it full for long is cut off.

A stream that finds it full waits for room, and so falls behind instead of filling our memory.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import msgspec

from control_plane.live.errors import Ended
from control_plane.live.models import messages
from control_plane.live.service.bell import Bell

TOO_SLOW = 4408
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Outgoing:
    text: str
    name: str = ""  # of the subscription
    place: int | str | None = None  # where it goes on once this is sent


@dataclass(eq=False)
class Outbox:
    frames: int = 256
    patience_seconds: float = 10.0
    places: dict[str, int | str] = field(default_factory=dict)  # sent so far
    _waiting: deque[Outgoing] = field(default_factory=deque)
    _bytes: int = 0
    _filled: Bell = field(default_factory=Bell)
    _room: Bell = field(default_factory=Bell)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= self.frames or self._bytes >= MOST_BYTES

    async def put(
        self, message: msgspec.Struct, name: str = "", place: int | str | None = None
    ) -> None:
        """Wait for room; a reader who makes none in time is too slow."""
        if self.is_full:
            try:
                async with asyncio.timeout(self.patience_seconds):
                    while self.is_full:
                        await self._room.wait()
            except TimeoutError as error:
                raise Ended(
                    TOO_SLOW,
                    f"You read nothing for {self.patience_seconds:g} s while {len(self._waiting)}"
                    " messages waited.",
                    remedy="Connect again and go on after the last number that you have.",
                ) from error
        outgoing = Outgoing(messages.text(message), name, place)
        self._waiting.append(outgoing)
        self._bytes += len(outgoing.text)
        self._filled.ring()

    async def take(self) -> Outgoing:
        while not self._waiting:
            await self._filled.wait()
        outgoing = self._waiting.popleft()
        self._bytes -= len(outgoing.text)
        self._room.ring()
        return outgoing

    def sent(self, outgoing: Outgoing) -> None:
        if outgoing.place is not None:
            self.places[outgoing.name] = outgoing.place
