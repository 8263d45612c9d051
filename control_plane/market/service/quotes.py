"""The last tick of each instrument that a process needs, kept from the bus."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from loguru import logger
from redis.exceptions import RedisError

from control_plane.core.ids import InstrumentId
from control_plane.infra.bus import RECONNECT_SECONDS, Bus
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import Tick, decode_tick

LISTENER_HOLDS = 1_000
NOTICE_SECONDS = 0.2  # how late a change of what is needed may be seen on a silent market


@dataclass(eq=False)
class Ticks:
    """One listener's queue. Too slow a listener loses the oldest, and is told how many."""

    dropped: int = 0
    _held: asyncio.Queue[tuple[InstrumentId, Tick]] = field(
        default_factory=lambda: asyncio.Queue(LISTENER_HOLDS)
    )

    def put(self, identity: InstrumentId, tick: Tick) -> None:
        if self._held.full():
            self._held.get_nowait()
            self.dropped += 1
        self._held.put_nowait((identity, tick))

    def __aiter__(self) -> "Ticks":
        return self

    async def __anext__(self) -> tuple[InstrumentId, Tick]:
        return await self._held.get()


@dataclass
class Quotes:
    """The last tick of each instrument that this process needs, kept from the bus."""

    bus: Bus
    _needed: set[InstrumentId] = field(default_factory=set)
    _last: dict[InstrumentId, Tick] = field(default_factory=dict)
    _listeners: set[Ticks] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def need(self, identities: Iterable[InstrumentId]) -> None:
        """From now on exactly these."""
        needed = set(identities)
        if needed == self._needed:
            return
        for gone in self._needed - needed:
            self._last.pop(gone, None)
        self._needed = needed
        self._changed.set()

    def last(self, identity: InstrumentId) -> Tick | None:
        return self._last.get(identity)

    def known(self) -> Collection[InstrumentId]:
        """Of which there is a price."""
        return self._last.keys()

    @asynccontextmanager
    async def ticks(self) -> AsyncIterator[Ticks]:
        """Every tick that comes from here on: `async for instrument, tick in …`."""
        listener = Ticks()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def run(self) -> None:
        while True:
            try:
                await self._follow()
            except (RedisError, OSError) as error:
                logger.debug("quotes_lost", reason=str(error))
                await self.bus.clock.sleep(RECONNECT_SECONDS)

    async def _follow(self) -> None:
        """Until what is needed changes, or the connection breaks."""
        while not self._needed:
            await self._changed.wait()
            self._changed.clear()
        self._changed.clear()
        identities = {names.ticks(identity): identity for identity in sorted(self._needed)}

        async with self.bus.client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(*identities)
            await self._start(identities.values())
            while not self._changed.is_set():
                message = await pubsub.get_message(timeout=NOTICE_SECONDS)
                if message is not None:
                    identity = identities[message["channel"].decode()]
                    self._take(identity, decode_tick(message["data"]))

    async def _start(self, identities: Iterable[InstrumentId]) -> None:
        """After subscribing: what came before it."""
        wanted = list(identities)
        for identity, tick in zip(wanted, await kept_ticks(self.bus, wanted), strict=True):
            if tick is not None and tick != self._last.get(identity):
                self._take(identity, tick)

    def _take(self, identity: InstrumentId, tick: Tick) -> None:
        if identity not in self._needed:
            return
        self._last[identity] = tick
        for listener in self._listeners:
            listener.put(identity, tick)


async def kept_ticks(bus: Bus, identities: Sequence[str]) -> list[Tick | None]:
    """The last tick of each, as the bus keeps it."""
    if not identities:
        return []
    frames = await bus.client.mget([names.last_tick(identity) for identity in identities])
    return [decode_tick(frame) if isinstance(frame, bytes) else None for frame in frames]
