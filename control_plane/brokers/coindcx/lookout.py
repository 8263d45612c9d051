"""Looks for a venue that is out of sight: who has given its shards away does not ask otherwise."""

from contextlib import suppress
from dataclasses import dataclass

from control_plane.brokers.coindcx import public
from control_plane.brokers.coindcx.lanes import Lanes
from control_plane.brokers.coindcx.sight import Sight
from control_plane.brokers.errors import VenueUnreachable
from control_plane.core.clock import Clock

LOOK_SECONDS = 5.0


@dataclass(frozen=True)
class Lookout:
    lanes: Lanes
    sight: Sight
    clock: Clock
    scale: float = 1.0

    async def run(self) -> None:
        while True:
            if not self.sight.is_clear:
                with suppress(VenueUnreachable):
                    await self.lanes.look(public.conversions())
            await self.clock.sleep(LOOK_SECONDS * self.scale)
