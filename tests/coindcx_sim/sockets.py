"""The venue's public sockets without a network between: our own `SocketIo` port, and what befalls
frames on their way, drawn from a seed.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from control_plane.infra.net import Unreachable
from control_plane.infra.socket_io import Connection, Event
from tests.coindcx_sim.answers import encoded
from tests.coindcx_sim.channels import Channel, Said, channel_of, closed_candle, said
from tests.coindcx_sim.exchange import Exchange

MINUTE_MS = 60_000


@dataclass(frozen=True)
class Weather:
    """How likely each thing is, for a frame."""

    lost: float = 0.0
    doubled: float = 0.0
    delayed: float = 0.0  # until after one that comes later


CALM = Weather()


@dataclass(eq=False)
class SimConnection:
    host: "SimSockets"
    joined: dict[str, Channel] = field(default_factory=dict)
    queue: asyncio.Queue[Event | None] = field(default_factory=asyncio.Queue)
    held: Event | None = None

    async def emit(self, name: str, data: dict[str, Any]) -> None:
        channel = channel_of(self.host.exchange.world, str(data.get("channelName")))
        if channel is not None and name == "join":
            self.joined[channel.name] = channel
        elif channel is not None and name == "leave":
            self.joined.pop(channel.name, None)

    async def next_event(self) -> Event | None:
        return await self.queue.get()

    def say(self, told: Said | None) -> None:
        if told is None:
            return
        event: Event = (told[0], {"event": told[0], "data": encoded(told[1]).decode()})
        rng, weather = self.host.rng, self.host.weather
        if self.host.silent or rng.random() < weather.lost:
            self.host.lost += 1
            return
        if self.held is None and rng.random() < weather.delayed:
            self.held = event
            return
        for _ in range(2 if rng.random() < weather.doubled else 1):
            self._arrive(event)
        if self.held is not None:
            self._arrive(self.held)
            self.held = None

    def _arrive(self, event: Event) -> None:
        if not self.host.slow_ms:
            self.queue.put_nowait(event)
            return
        timers = self.host.exchange.world.timers
        timers.at(timers.now_ms + self.host.slow_ms, lambda _: self.queue.put_nowait(event))


@dataclass
class SimSockets:
    exchange: Exchange
    seed: int = 1
    weather: Weather = CALM
    is_down: bool = False
    slow_ms: int = 0
    silent: bool = False  # connected, and nothing comes
    lost: int = 0
    connections: list[SimConnection] = field(default_factory=list)
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.exchange.on_move.append(self.moved)
        timers = self.exchange.world.timers
        first_ms = (timers.now_ms // MINUTE_MS + 1) * MINUTE_MS
        timers.at(first_ms, lambda _: self.ended(first_ms))

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Connection]:
        if self.is_down:
            raise Unreachable(f"{url} takes no connection.")
        connection = SimConnection(self)
        self.connections.append(connection)
        try:
            yield connection
        finally:
            self.connections.remove(connection)

    def cut(self) -> None:
        for connection in self.connections:
            connection.queue.put_nowait(None)

    def moved(self, name: str, at_ms: int) -> None:
        market = self.exchange.world.spot.get(name)
        key = (name, True) if market is None else (market.pair, False)
        for connection in self.connections:
            for channel in connection.joined.values():
                if channel.key == key:
                    connection.say(said(self.exchange.world, channel, at_ms))

    def ended(self, ended_ms: int) -> None:
        """Each minute's end is told once, as soon as it is over."""
        for connection in self.connections:
            for channel in connection.joined.values():
                if channel.what == "candlestick" and channel.interval == "1m":
                    connection.say(closed_candle(self.exchange.world, channel, ended_ms))
        following = ended_ms + MINUTE_MS
        self.exchange.world.timers.at(following, lambda _: self.ended(following))
