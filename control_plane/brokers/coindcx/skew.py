"""How far the venue's clock is from ours, from the `Date` of its answers.

Such a date is a whole second, and the answer was written between our sending and our receiving it,
so each answer leaves room; the room that many leave together is small.
"""

from collections import deque
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache

from control_plane.core.clock import Clock, ms

REMEMBERED = 64
SECOND_MS = 1_000


@dataclass
class Skew:
    clock: Clock
    _heard_ms: int = 0
    _rooms: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def now_ms(self) -> int:
        return ms(self.clock.now())

    def heard(self, date: str | None, sent_ms: int) -> None:
        """An answer that was asked for at `sent_ms` came now."""
        if date is None:
            return
        try:
            theirs = _ms(date)
        except ValueError:
            return
        room = (theirs - self.now_ms(), theirs + SECOND_MS - 1 - sent_ms)
        self._rooms.append(room)
        self._heard_ms = self.now_ms()
        low, high = self._room()
        if low > high:  # somebody's clock was set: what was heard before counts no more
            self._rooms.clear()
            self._rooms.append(room)

    def ms(self) -> int | None:
        """Theirs less ours; None if no answer told."""
        if not self._rooms:
            return None
        low, high = self._room()
        return (low + high) // 2

    def lately_ms(self, within_ms: int) -> int | None:
        """The same, if an answer told within so long."""
        return self.ms() if self.now_ms() - self._heard_ms <= within_ms else None

    def _room(self) -> tuple[int, int]:
        return max(low for low, _ in self._rooms), min(high for _, high in self._rooms)


@lru_cache(16)
def _ms(date: str) -> int:
    """Many answers come within one second, and so with one date."""
    return ms(parsedate_to_datetime(date))
