"""How long this process, or the bus, has lately stood still.

Readers ask before they call a burst a flood. A loop that was stopped handles what it can read
before its timers, so a timer that is overdue counts as a stall although nobody has noted it yet;
likewise a question to the bus that has no answer yet.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from control_plane.core.clock import Clock
from control_plane.errors import Unavailable

BEAT_SECONDS = 0.05
ASK_SECONDS = 0.1
MEMORY_SECONDS = 2.0  # what piled up during a stall is read within this


@dataclass
class Pulse:
    clock: Clock
    ask: Callable[[], Awaitable[None]]  # one round trip to the bus
    _due: float = float("inf")
    _asked: float = float("inf")
    _worst: float = 0.0
    _ended: float = float("-inf")

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat(), name="pulse-loop")
            group.create_task(self._round_trips(), name="pulse-bus")

    def stalled(self) -> float:
        """Seconds that what arrives now may have waited for us or for the bus."""
        now = self.clock.monotonic()
        recent = self._worst if now - self._ended < MEMORY_SECONDS else 0.0
        return max(now - self._due, now - self._asked, recent, 0.0)

    async def _beat(self) -> None:
        while True:
            self._due = self.clock.monotonic() + BEAT_SECONDS
            await self.clock.sleep(BEAT_SECONDS)
            self._note(self._due)

    async def _round_trips(self) -> None:
        while True:
            asked = self.clock.monotonic()
            # A lost bus stays in question until it answers again.
            self._asked = min(self._asked, asked)
            try:
                await self.ask()
            except Unavailable:
                await self.clock.sleep(ASK_SECONDS)
                continue
            self._note(self._asked)
            self._asked = float("inf")
            await self.clock.sleep(ASK_SECONDS)

    def _note(self, since: float) -> None:
        now = self.clock.monotonic()
        if now - self._ended >= MEMORY_SECONDS or now - since >= self._worst:
            self._worst, self._ended = now - since, now
