"""Tells how much of the exchange's limits is used: addresses, and the busiest keys."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from loguru import logger

from control_plane.brokers.coindcx.limits import Usage
from control_plane.brokers.coindcx.opening import OpenLanes
from control_plane.brokers.coindcx.store import put_usage
from control_plane.core.clock import Clock
from control_plane.errors import Unavailable
from control_plane.infra.db import Database

TELL_SECONDS = 5.0
MOST_KEYS = 50
KEY = "key "


@dataclass
class UsageKeeper:
    db: Database
    clock: Clock
    holder: str
    ways: OpenLanes
    _told: bool = False

    async def run(self) -> None:
        while True:
            try:
                await self.once()
            except Unavailable as error:
                logger.debug("usage_not_told", reason=str(error))
            await self.clock.sleep(TELL_SECONDS)

    async def once(self) -> None:
        found = told(self.ways.usage())
        if found or self._told:
            await self.db.write(put_usage, self.holder, found, self.ways.waiting())
            self._told = bool(found)


def told(usages: Iterable[Usage]) -> list[Usage]:
    """Of a key its end alone; two that end alike are one line."""
    addresses: list[Usage] = []
    keys: dict[str, Usage] = {}
    for one in usages:
        if not one.name.startswith(KEY):
            addresses.append(one)
            continue
        name = f"{KEY}…{one.name[-4:]}"
        busier = keys.get(name)
        if busier is None or one.minute > busier.minute:
            keys[name] = replace(one, name=name)
    busiest = sorted(keys.values(), key=lambda one: (one.factor, -one.minute))[:MOST_KEYS]
    return addresses + [one for one in busiest if one.minute or one.factor < 1]
