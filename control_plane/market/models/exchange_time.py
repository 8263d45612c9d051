"""What the exchange's clock reads, from the times that its events carry.

An event is heard a little after it happened, never before, so the least delay of the last while is
the best guess at how far the clocks differ; what is left in it makes us close a moment late, which
is harmless. With no event the clocks are taken to agree.
"""

from collections import deque
from dataclasses import dataclass, field

MEMORY_MS = 60_000
BUCKET_MS = 5_000


@dataclass
class ExchangeTime:
    """The least delay is kept for each few seconds."""

    _least: deque[tuple[int, int]] = field(default_factory=deque)  # bucket, delay

    def heard(self, event_ms: int, now_ms: int) -> None:
        delay, bucket = now_ms - event_ms, now_ms // BUCKET_MS
        if self._least and self._least[-1][0] == bucket:
            self._least[-1] = (bucket, min(delay, self._least[-1][1]))
        else:
            self._least.append((bucket, delay))

    def delay_ms(self, now_ms: int) -> int:
        """How far behind ours its clock reads, as far as we can tell; below zero it is ahead."""
        while self._least and (self._least[0][0] + 1) * BUCKET_MS < now_ms - MEMORY_MS:
            self._least.popleft()
        return min((delay for _, delay in self._least), default=0)

    def now_ms(self, now_ms: int) -> int:
        return now_ms - self.delay_ms(now_ms)
