"""An event loop on virtual time: nothing waits, and of what is ready a seed chooses what runs next.

What is scheduled for later happens when nothing is left to do now; the clock jumps there.
"""

import asyncio
import heapq
import random
from typing import Any


class Adrift(RuntimeError):
    """Nothing is ready and nothing is due: whoever still waits would wait for ever."""


class SeededLoop(asyncio.BaseEventLoop):
    """Deterministic: the same seed and the same program run the same steps in the same order."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self._seconds = 0.0

    def time(self) -> float:
        return self._seconds

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override] # of any signature
        """There is one thread."""
        return self.call_soon(callback, *args, context=context)

    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        """Generators of dead processes end as everything of theirs does: without a word."""

    def _run_once(self) -> None:
        ready, scheduled = vars(self)["_ready"], vars(self)["_scheduled"]
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not ready:
            if not scheduled:
                raise Adrift("nothing is ready and nothing is due")
            self._seconds = max(self._seconds, scheduled[0].when())
        while scheduled and scheduled[0].when() <= self._seconds:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            ready.append(handle)

        count = len(ready)
        if count > 1 and self._rng.random() < 0.5:
            ready.rotate(-self._rng.randrange(count))
        handle = ready.popleft()
        if not handle._cancelled:
            handle._run()
