"""How often one caller may ask, and the headers that say how often is left.

A bucket for each caller fills evenly; a burst may empty it. The operator of this machine is not
counted: whoever reads the data folder can do worse than ask often.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

REMEMBERED = 10_000
RATE_HEADERS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


class Left(NamedTuple):
    """What the headers say: of how many, how many are left, and in how long all of them are."""

    limit: int
    remaining: int
    reset_seconds: int
    retry_seconds: int  # 0: this request was let through

    @property
    def headers(self) -> dict[str, str]:
        figures = (self.limit, self.remaining, self.reset_seconds)
        told = {name: str(figure) for name, figure in zip(RATE_HEADERS, figures, strict=True)}
        return told if not self.retry_seconds else {**told, "retry-after": str(self.retry_seconds)}


@dataclass
class Limits:
    """`burst` at once, and `per_minute` in the long run."""

    now: Callable[[], float]
    per_minute: int = 600
    burst: int = 120
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, who: str) -> Left:
        now, rate = self.now(), self.per_minute / 60
        level, at = self._buckets.pop(who, (float(self.burst), now))
        level = min(float(self.burst), level + (now - at) * rate)
        let_through = level >= 1
        if let_through:
            level -= 1
        self._buckets[who] = (level, now)
        while len(self._buckets) > REMEMBERED:
            del self._buckets[next(iter(self._buckets))]  # whoever asked longest ago
        return Left(
            self.burst,
            int(level),
            ceil((self.burst - level) / rate),
            0 if let_through else max(1, ceil((1 - level) / rate)),
        )
