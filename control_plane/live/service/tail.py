"""The one reader of new events, for however many connections there are.

It holds the newest in memory; a connection that asks for older ones reads them itself, up to the
number that this reader has reached. So what a subscription is sent has neither gap nor repeat,
whichever of the two it comes from. While nobody listens nothing is read.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from loguru import logger
from sqlalchemy import Row

from control_plane.core.clock import Clock, from_ms
from control_plane.infra import events
from control_plane.infra.db import Database, Tx
from control_plane.live.models.filters import Event, Filter
from control_plane.live.models.settling import GIVE_UP_SECONDS, Gap, Horizon, settled
from control_plane.live.service.bell import Bell

POLL_SECONDS = 0.2
PAGE = 500
HELD = 5_000


@dataclass(eq=False)
class Tail:
    db: Database
    clock: Clock
    number: int = 0  # everything up to here is settled and was read
    listeners: int = 0
    is_reading: bool = False
    _held: deque[Event] = field(default_factory=lambda: deque(maxlen=HELD))
    _held_after: int = 0  # what came after this number is in memory
    _gap: Gap | None = None
    _moved: Bell = field(default_factory=Bell)
    _wanted: Bell = field(default_factory=Bell)

    async def run(self) -> None:
        """Read while anybody listens, until cancelled."""
        self.is_reading = False  # after a failure as at a start
        while True:
            while not self.listeners:
                self.is_reading = False
                await self._wanted.wait()
            if not self.is_reading:
                await self.begin()
            if not await self.once():
                await self.clock.sleep(POLL_SECONDS)

    async def listen(self) -> None:
        """Count a listener in, and wait until the reader knows where the end is."""
        self.listeners += 1
        self._wanted.ring()
        while not self.is_reading:
            await self._moved.wait()

    def leave(self) -> None:
        self.listeners -= 1

    async def begin(self) -> None:
        """At the newest number below which nothing can appear any more."""
        number, began = await self.db.read(_newest)
        while began is not None and await self.db.read(events.oldest_transaction) < began:
            await self.clock.sleep(POLL_SECONDS)
        self.number, self._held_after, self._gap = number, number, None
        self._held.clear()
        self.is_reading = True
        self._moved.ring()

    async def once(self) -> bool:
        """Take in what is new and settled; whether there may be more right away."""
        rows, seen = await self.db.read(_after, self.number)
        now = self.clock.monotonic()
        waited_for = self._gap
        count, self._gap = settled(self.number, [row.number for row in rows], waited_for, seen, now)
        if waited_for is not None and count and now - waited_for.since > GIVE_UP_SECONDS:
            logger.warning("event_numbers_given_up", after=self.number)
        if not count:
            return False
        for row in rows[:count]:
            if len(self._held) == HELD:
                self._held_after = self._held[0].number
            self._held.append(event_of(row))
        self.number = rows[count - 1].number
        self._moved.ring()
        return count == PAGE

    async def beyond(self, position: int) -> None:
        """Wait until there is more than what a subscription has."""
        while self.number <= position:
            await self._moved.wait()

    async def after(self, position: int, wanted: Filter) -> tuple[Sequence[Event], int]:
        """What somebody wants of what came after a number, and up to which number that is all."""
        until = self.number
        if position >= self._held_after:
            skipped = max(0, len(self._held) - (until - position))
            recent = islice(self._held, skipped, None)
            return [one for one in recent if one.number > position and wanted.wants(one)], until
        rows = await self.db.read(
            events.between,
            position,
            until,
            PAGE,
            tenant=wanted.tenant,
            kinds=wanted.kinds,
            subject_kinds=wanted.subject_kinds,
            subject=wanted.subject,
        )
        found = [event_of(row) for row in rows]
        reached = found[-1].number if len(found) == PAGE else until
        return [one for one in found if wanted.wants(one)], reached


def event_of(row: Row[Any]) -> Event:
    return Event(
        row.number,
        from_ms(row.at_ms).isoformat().replace("+00:00", "Z"),
        row.kind,
        row.subject_kind,
        row.subject_id,
        row.tenant,
        row.body.encode(),
    )


def _newest(tx: Tx) -> tuple[int, int | None]:
    number = events.newest(tx)
    return number, events.next_transaction(tx) if tx.is_postgres else None


def _after(tx: Tx, number: int) -> tuple[Sequence[Row[Any]], Horizon | None]:
    """The oldest transaction is asked for before the rows, and the next one after them."""
    if not tx.is_postgres:
        return events.between(tx, number, None, PAGE), None
    oldest = events.oldest_transaction(tx)
    rows = events.between(tx, number, None, PAGE)
    return rows, Horizon(oldest, events.next_transaction(tx))
