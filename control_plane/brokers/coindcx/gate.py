"""Where requests wait for their turn: those of a higher lane first, each within its patience.

The first of the queue alone watches the clock; whoever leaves wakes the next. A request that its
own key's limit holds back steps aside meanwhile, so that one busy key holds up nobody else.
"""

import asyncio
import heapq
from dataclasses import dataclass, field

from control_plane.brokers.coindcx.calls import Bucket
from control_plane.brokers.coindcx.limits import Lane, Limiter
from control_plane.brokers.errors import NotSent
from control_plane.core.clock import Clock

TIDY_EVERY = 1_000


@dataclass(order=True)
class Ticket:
    lane: Lane
    number: int
    until_ms: int = field(compare=False)
    turn: asyncio.Event = field(default_factory=asyncio.Event, compare=False)
    gone: bool = field(default=False, compare=False)


@dataclass
class Gate:
    """One for each egress address: its requests share a queue."""

    limiter: Limiter
    clock: Clock
    address: str
    queue: list[Ticket] = field(default_factory=list)
    arrived: int = 0

    async def enter(self, key: str, bucket: Bucket, lane: Lane, patience_seconds: float) -> None:
        """Returns when the request may leave, with its share of the limits taken; `NotSent` if that
        is not within its patience.
        """
        self.arrived += 1
        if not self.arrived % TIDY_EVERY:
            self.limiter.forget_idle(self._now())
        if not self.queue and not self._wait(self.names(key), bucket, lane):
            self.limiter.take(self._now(), self.names(key), bucket)
            return
        ticket = Ticket(lane, self.arrived, self._now() + int(patience_seconds * 1000))
        while held_ms := await self._in_turn(ticket, key, bucket):
            await self.clock.sleep(self._bounded(ticket, held_ms) / 1000)

    def refused(self, key: str) -> None:
        """The venue said 429."""
        self.limiter.refused(self._now(), self.names(key))

    def could_promise(self, calls: int) -> bool:
        return not calls or self.limiter.could_promise(self._now(), self._own, calls)

    def promise(self, calls: int) -> bool:
        """Keep calls free to protect what an entry is about to open."""
        return not calls or self.limiter.promise(self._now(), self._own, calls)

    def names(self, key: str) -> tuple[str, ...]:
        return (f"key {key}", self._own) if key else (self._own,)

    @property
    def waiting(self) -> int:
        return sum(not each.gone for each in self.queue)

    @property
    def _own(self) -> str:
        return f"address {self.address}"

    async def _in_turn(self, ticket: Ticket, key: str, bucket: Bucket) -> int:
        """0 once it left; else how long its own key holds it back."""
        ticket.gone = False
        heapq.heappush(self.queue, ticket)
        try:
            while True:
                await self._first(ticket)
                self._bounded(ticket, 0)
                held_ms = self._wait(self.names(key)[:-1], bucket, ticket.lane)
                if held_ms:
                    return held_ms
                wait_ms = self._wait((self._own,), bucket, ticket.lane)
                if not wait_ms:
                    self.limiter.take(self._now(), self.names(key), bucket)
                    return 0
                await self.clock.sleep(self._bounded(ticket, wait_ms) / 1000)
        finally:
            ticket.gone = True
            self._wake()

    async def _first(self, ticket: Ticket) -> None:
        """Until nobody is before it. A newcomer of a higher lane passes even who was first."""
        self._wake()
        while self.queue[0] is not ticket:
            ticket.turn.clear()
            await ticket.turn.wait()

    def _wake(self) -> None:
        while self.queue and self.queue[0].gone:
            heapq.heappop(self.queue)
        if self.queue:
            self.queue[0].turn.set()

    def _wait(self, names: tuple[str, ...], bucket: Bucket, lane: Lane) -> int:
        return self.limiter.wait_ms(self._now(), names, bucket, lane) if names else 0

    def _bounded(self, ticket: Ticket, wait_ms: int) -> int:
        if self._now() + wait_ms > ticket.until_ms:
            raise NotSent("Nothing left: the rate limit leaves no room in time.")
        return wait_ms

    def _now(self) -> int:
        return int(self.clock.monotonic() * 1000)
