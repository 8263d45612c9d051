"""Ends the checks that a crash has left open: starting up is recovering."""

from dataclasses import dataclass

from control_plane.core.clock import Clock
from control_plane.strategies.service import Strategies

LOOK_SECONDS = 30.0


@dataclass(frozen=True)
class Checks:
    strategies: Strategies
    clock: Clock

    async def run(self) -> None:
        while True:
            await self.once()
            await self.clock.sleep(LOOK_SECONDS)

    async def once(self) -> None:
        for version in await self.strategies.unfinished():
            await self.strategies.finish(version)
