"""How fast a container talks: well below what gets it cut off, counted in frames and in bytes."""

from strategy_runtime.wire import (
    PACE_BURST,
    PACE_BYTES_BURST,
    PACE_BYTES_PER_SECOND,
    PACE_FRAMES_PER_SECOND,
)


class Bucket:
    """Fills at `rate` a second up to `burst`; what is taken may have to be waited for."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = 0.0

    def wait(self, now: float, amount: float) -> float:
        """Seconds until `amount` can be taken."""
        self._fill(now)
        return max(0.0, (min(amount, self._burst) - self._level) / self._rate)

    def take(self, now: float, amount: float) -> None:
        self._fill(now)
        self._level -= amount

    def _fill(self, now: float) -> None:
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now


class Pace:
    def __init__(self) -> None:
        self._frames = Bucket(PACE_FRAMES_PER_SECOND, PACE_BURST)
        self._bytes = Bucket(PACE_BYTES_PER_SECOND, PACE_BYTES_BURST)

    def wait(self, now: float, size: int) -> float:
        return max(self._frames.wait(now, 1), self._bytes.wait(now, size))

    def take(self, now: float, size: int) -> None:
        self._frames.take(now, 1)
        self._bytes.take(now, size)
