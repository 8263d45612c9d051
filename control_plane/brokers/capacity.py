"""How many entries a venue takes in time: what its rate limits leave for entries, shared among
addresses, each account behind its own. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass

from control_plane.core.ids import AccountId

MINUTE_MS = 60_000


@dataclass(frozen=True)
class Capacity:
    """Of one venue. What an entry costs are the calls until it is safe."""

    calls_per_minute: int  # that entries may use, of one address
    calls_per_entry: int
    addresses: tuple[str, ...]
    address_of: Callable[[AccountId], str]

    def in_time(self, age_ms: int) -> int:
        """How many entries one address lets out before they are so old."""
        return max(0, age_ms) * self.calls_per_minute // (MINUTE_MS * self.calls_per_entry)
