"""Clocks that tests drive."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class FakeClock:
    """Stands still until it is told to go on; whoever sleeps wakes in the order of their
    deadlines.
    """

    start: datetime = datetime(2026, 1, 5, tzinfo=UTC)
    seconds: float = 0.0
    sleepers: list[tuple[float, asyncio.Future[None]]] = field(default_factory=list)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.seconds + seconds, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Let time pass, and everything that was waiting for it run."""
        until = self.seconds + seconds
        await _settle()
        while due := sorted((s for s in self.sleepers if s[0] <= until), key=lambda s: s[0])[:1]:
            at, future = due[0]
            self.sleepers.remove(due[0])
            self.seconds = max(self.seconds, at)
            if not future.done():
                future.set_result(None)
            await _settle()
        self.seconds = until
        await _settle()


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
