"""How much one sender may send, as a pure gauge over times that are passed in."""

from dataclasses import dataclass

from strategy_runtime import wire

ROUNDING = 1e-6  # seconds: sums of fractions are never quite exact


@dataclass
class FloodGauge:
    """Two leaky buckets, frames and bytes, counted in seconds: what arrived, at the rate that is
    allowed, would have taken until some moment. A moment further ahead than the window is a flood.

    What piles up while the reader stands still arrives all at once, though it was sent evenly. So
    the reader says how long it stood still, and what comes then counts as sent during that time.
    """

    frames_per_second: float = wire.FLOOD_FRAMES_PER_SECOND
    bytes_per_second: float = wire.FLOOD_BYTES_PER_SECOND
    window_seconds: float = wire.FLOOD_WINDOW_SECONDS
    _frames_until: float = float("-inf")
    _bytes_until: float = float("-inf")

    def bears(self, now: float, *, frames: int, size: int, stalled: float = 0.0) -> bool:
        """Count what arrived now; whether its sender is still within bounds."""
        since = now - stalled
        self._frames_until = max(self._frames_until, since) + frames / self.frames_per_second
        self._bytes_until = max(self._bytes_until, since) + size / self.bytes_per_second
        return max(self._frames_until, self._bytes_until) - now <= self.window_seconds + ROUNDING


@dataclass
class Allowance:
    """A bucket of tokens: so many a second, and a burst. For what is dropped rather than cut."""

    per_second: float
    burst: float
    _full_at: float = float("-inf")

    def take(self, now: float, amount: int = 1) -> bool:
        cost = amount / self.per_second
        until = max(self._full_at, now) + cost
        if until - now > self.burst / self.per_second + ROUNDING:
            return False

        self._full_at = until
        return True
