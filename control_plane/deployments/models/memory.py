"""Whether a process' memory grows toward its limit, by what its heartbeats say.

A leak ends in a kill at a moment that nobody chose. Seen in time, a new launch takes over between
two candles instead.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

MB = 1024 * 1024
SAMPLES = 400
ENOUGH = 12
WORTH_SAYING = 0.02  # of the limit, within the window: less is noise
FULL = 0.95  # of the limit: where the engine may strike
SLOW_FULL, SLOW_GROWTH = 0.85, 0.25  # of the limit: a leak too slow to show within the window


@dataclass
class Tide:
    """Resident memory of one launch over the latest window."""

    window_ms: int
    samples: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    settled: float | None = None  # what it needed once it had warmed up

    def see(self, now_ms: int, used: int) -> None:
        """At most as many as the window holds, whoever looks how often."""
        if self.samples and now_ms - self.samples[-1][0] < self.window_ms // SAMPLES:
            return
        self.samples.append((now_ms, used))
        while now_ms - self.samples[0][0] > self.window_ms:
            self.samples.popleft()

    def strain(self, limit: int) -> str | None:
        """Why a new launch should take over soon."""
        if len(self.samples) < ENOUGH or not self._is_whole():
            return None
        third = len(self.samples) // 3
        values = [used for _, used in self.samples]
        before, now = median(values[:third]), median(values[-third:])
        if self.settled is None:
            self.settled = before
        grown = now - before
        # The middles of the first and the last third lie two thirds of the window apart.
        if grown >= limit * WORTH_SAYING and now + grown * 1.5 >= limit * FULL:
            pace = grown / MB / (self.window_ms * 2 / 3 / 60_000)
            return f"its memory grows by {pace:.1f} MB a minute {_of(now, limit)}"
        if now >= limit * SLOW_FULL and now - self.settled >= limit * SLOW_GROWTH:
            return f"its memory has grown from {self.settled / MB:.0f} MB {_of(now, limit)}"
        return None

    def _is_whole(self) -> bool:
        return self.samples[-1][0] - self.samples[0][0] >= self.window_ms * 0.9


def _of(now: float, limit: int) -> str:
    return f"and stands at {now / MB:.0f} of {limit / MB:.0f} MB"


def peak(known: Sequence[int | None]) -> int | None:
    """The most of what several sources say."""
    return max((one for one in known if one), default=None)
