"""Time, passed in. Operational time is real; market time may run fast in a simulation, and they
never mix.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Operational time: leases, deadlines, heartbeats, the age of a signal."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC. Never for a duration."""
        ...

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        ...

    def sleep(self, seconds: float) -> Awaitable[None]: ...


EPOCH = datetime.fromtimestamp(0, UTC)


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def from_ms(value: int) -> datetime:
    return EPOCH + timedelta(milliseconds=value)


@dataclass(frozen=True)
class MarketTime:
    """How a market's time follows real time: a line through an anchor. The real market is the line
    of slope one.
    """

    anchor_market_ms: int
    anchor_real_ms: int
    speed: float = 1.0

    def at(self, real_ms: int) -> int:
        return self.anchor_market_ms + round((real_ms - self.anchor_real_ms) * self.speed)

    def real_at(self, market_ms: int) -> int:
        """When, on the real clock, the market will read this."""
        return self.anchor_real_ms + round((market_ms - self.anchor_market_ms) / self.speed)


REAL_MARKET = MarketTime(0, 0, 1.0)
