"""Keeps the users and boot keys of living generations on the bus, and makes them again within a
second when Redis was lost.
"""

from dataclasses import dataclass, field

from loguru import logger

from control_plane.containers.access import Access
from control_plane.core.clock import Clock
from control_plane.core.ids import Shard
from control_plane.deployments.service import launching
from control_plane.infra.bus import BusUnavailable
from control_plane.infra.db import Database
from control_plane.infra.leases import Leases

LOOK_SECONDS = 0.5


@dataclass
class Keeper:
    db: Database
    clock: Clock
    leases: Leases
    access: Access
    time_scale: float = 1.0
    _kept: frozenset[Shard] = field(default_factory=frozenset)

    async def run(self) -> None:
        while True:
            try:
                await self.once()
            except BusUnavailable as error:
                logger.debug("access_waits", reason=str(error))
            await self.clock.sleep(LOOK_SECONDS * self.time_scale)

    async def once(self) -> None:
        """Make them again if Redis is another than before, or shards came to us."""
        owned = self.leases.owned()
        is_marked = await self.access.is_marked()
        if is_marked and owned <= self._kept:
            self._kept = owned
            return
        await self._make(owned)
        await self.access.mark()
        self._kept = owned

    async def _make(self, owned: frozenset[Shard]) -> None:
        living = await self.db.read(launching.granted, owned)
        for one in living:
            await self.access.grant(one.rights, one.boot)
        known = await self.db.read(launching.known, owned)
        swept = await self.access.sweep(known, {one.rights.user for one in living})
        if living or swept:
            logger.info("access_made", users=len(living), swept=swept)
