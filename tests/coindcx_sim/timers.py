"""What happens by itself as time passes, in the order of its time."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

Action = Callable[[int], None]


@dataclass
class Timers:
    now_ms: int = 0
    _heap: list[tuple[int, int, Action]] = field(default_factory=list)
    _count: int = 0

    def at(self, at_ms: int, action: Action) -> None:
        self._count += 1
        heapq.heappush(self._heap, (at_ms, self._count, action))

    def advance(self, now_ms: int) -> None:
        """Everything due up to now; time never goes back."""
        while self._heap and self._heap[0][0] <= now_ms:
            at_ms, _, action = heapq.heappop(self._heap)
            self.now_ms = max(self.now_ms, at_ms)
            action(self.now_ms)
        self.now_ms = max(self.now_ms, now_ms)

    @property
    def next_ms(self) -> int | None:
        return self._heap[0][0] if self._heap else None
