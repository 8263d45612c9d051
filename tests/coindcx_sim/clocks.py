"""The venue's time: the real one, or one that stands still until it is driven."""

import time
from dataclasses import dataclass


@dataclass
class SimTime:
    """`standing_ms` is where a driven clock stands; None follows the real one."""

    standing_ms: int | None = None

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 if self.standing_ms is None else self.standing_ms

    def advance(self, by_ms: int) -> int:
        if self.standing_ms is None:
            raise ValueError("this clock is the real one: nobody drives it")
        self.standing_ms += by_ms
        return self.standing_ms
