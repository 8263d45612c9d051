"""Whoever waits is woken by the next ring: each sees for themselves what there is."""

import asyncio
from dataclasses import dataclass, field


@dataclass(eq=False)
class Bell:
    _waiting: set[asyncio.Future[None]] = field(default_factory=set)

    def ring(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for one in waiting:
            if not one.done():
                one.set_result(None)

    async def wait(self) -> None:
        one = asyncio.get_running_loop().create_future()
        self._waiting.add(one)
        try:
            await one
        finally:
            self._waiting.discard(one)
