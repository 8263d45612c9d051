"""Socket.IO to the outside, as a connection that yields events until it ends.

It never comes back by itself: whoever uses it knows what to join again and what was missed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import socketio

from control_plane.infra.net import Unreachable

Event = tuple[str, object]

ENDED: Event = ("", None)


class Connection(Protocol):
    async def emit(self, name: str, data: dict[str, Any]) -> None: ...

    async def next_event(self) -> Event | None:
        """The next one; None once the connection has ended."""
        ...


class SocketIo(Protocol):
    def connect(self, url: str) -> AbstractAsyncContextManager[Connection]:
        """`Unreachable` if nobody is there."""
        ...


@dataclass
class RealConnection:
    """Events wait in a bounded queue. One that overflows ends the connection: a gap that is known
    is better than an event that is missing.
    """

    client: socketio.AsyncClient
    capacity: int
    queue: asyncio.Queue[Event] = field(init=False)
    ended: bool = False

    def __post_init__(self) -> None:
        self.queue = asyncio.Queue(self.capacity)

    async def emit(self, name: str, data: dict[str, Any]) -> None:
        try:
            await self.client.emit(name, data)
        except socketio.exceptions.SocketIOError as error:
            raise Unreachable(f"The socket is gone: {error}.") from error

    async def next_event(self) -> Event | None:
        if self.ended and self.queue.empty():
            return None
        event = await self.queue.get()
        return None if event == ENDED else event

    async def heard(self, name: str, *arguments: object) -> None:
        self._put((name, arguments[0] if arguments else None))

    async def end(self, *_: object) -> None:
        self.ended = True
        self._put(ENDED)

    def _put(self, event: Event) -> None:
        if self.queue.full():
            self.ended = True
            while not self.queue.empty():
                self.queue.get_nowait()
            event = ENDED
        self.queue.put_nowait(event)


@dataclass
class SocketIoNet:
    connect_seconds: float = 10.0
    capacity: int = 10_000
    max_bytes: int = 4 * 1024 * 1024

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Connection]:
        async with aiohttp.ClientSession(trust_env=False) as session:
            client = socketio.AsyncClient(
                reconnection=False,
                handle_sigint=False,  # it would take Ctrl-C from the process
                http_session=session,
                websocket_extra_options={"max_msg_size": self.max_bytes},
            )
            connection = RealConnection(client, self.capacity)
            client.on("disconnect", connection.end)
            client.on("*", connection.heard)
            try:
                await client.connect(
                    url, transports=["websocket"], wait_timeout=self.connect_seconds
                )
            except (socketio.exceptions.SocketIOError, aiohttp.ClientError, OSError) as error:
                raise Unreachable(f"{url} takes no connection: {error}.") from error
            try:
                yield connection
            finally:
                await client.disconnect()
