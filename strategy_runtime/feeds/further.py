"""The candles of further resolutions: learnt before the first base candle that closes with them.

They come on channels of their own, in any order against the base candles, so each base candle asks
whether the longer ones that had closed by its close are here, and reads history for what is not.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from strategy_runtime.engine.course import Course
from strategy_runtime.feeds.history import history
from strategy_runtime.feeds.resp import Connection
from strategy_runtime.feeds.timing import Timing, backoff
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import DURATION_MS, close_of, open_of

MAX_INBOX = 10_000

Say = Callable[..., None]


class Further:
    def __init__(
        self, instrument: str, resolutions: tuple[str, ...], timing: Timing, say: Say
    ) -> None:
        self.resolutions = resolutions
        self._instrument = instrument
        self._timing = timing
        self._say = say
        self._waiting = {name: deque[Candle](maxlen=MAX_INBOX) for name in resolutions}
        self._absent = set[str]()
        self._heard = asyncio.Event()

    def forget(self) -> None:
        for waiting in self._waiting.values():
            waiting.clear()

    def hear(self, resolution: str, candle: Candle) -> None:
        self._waiting[resolution].append(candle)
        self._absent.discard(resolution)
        self._heard.set()

    async def catch_up(self, course: Course, close_ms: int, commands: Connection) -> None:
        """Learn every longer candle that has closed by this moment."""
        for resolution in self.resolutions:
            if not self._learn(course, resolution, close_ms):
                await self._wait_for(course, resolution, close_ms, commands)

    async def _wait_for(
        self, course: Course, resolution: str, close_ms: int, commands: Connection
    ) -> None:
        first = self._timing.gap_first
        for attempt in range(self._timing.gap_tries):
            self._heard.clear()
            await self._read(course, resolution, commands)
            if self._learn(course, resolution, close_ms, sure=True):
                return
            if resolution in self._absent:
                return  # it did not come the last time either: one look is enough
            try:
                async with asyncio.timeout(backoff(first, 8 * first, attempt, 1.0)):
                    await self._heard.wait()
            except TimeoutError:
                pass

        if not self._learn(course, resolution, close_ms, sure=True):
            self._absent.add(resolution)
            self._say("candle_missing", resolution=resolution, closed_by=close_ms)

    async def _read(self, course: Course, resolution: str, commands: Connection) -> None:
        """What history has beyond what is known, before anything heard meanwhile."""
        waiting = self._waiting[resolution]
        after_ms = max(course.learnt_ms(resolution), -1)
        found = [
            candle
            async for candle in history(
                commands, self._instrument, resolution, after_ms, say=self._say
            )
        ]
        newest = found[-1].open_ms if found else after_ms
        later = [candle for candle in waiting if candle.open_ms > newest]
        waiting.clear()
        waiting.extend(found)
        waiting.extend(later)

    def _learn(self, course: Course, resolution: str, close_ms: int, *, sure: bool = False) -> bool:
        """Take in what closes by then; whether nothing that should be there is missing.

        `sure`: history was just read, so what is not there does not exist.
        """
        waiting = self._waiting[resolution]
        expected = open_of(resolution, close_ms) - DURATION_MS[resolution]
        while waiting and close_of(resolution, waiting[0].open_ms) <= close_ms:
            if not sure and not course.follows_further(resolution, waiting[0]):
                return False
            course.learn(resolution, waiting.popleft())
        return course.learnt_ms(resolution) >= expected or (sure and bool(waiting))
