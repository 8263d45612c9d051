"""A Redis client as small as a strategy needs: a connection, its replies in order, its messages.

redis-py alone would take more memory than everything else in an idle container together.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

import hiredis
from msgspec import Struct

if TYPE_CHECKING:
    import ssl

OnMessage = Callable[[bytes, bytes], None]

PATIENCE_SECONDS = 10.0


class BusLost(Exception):
    """The connection is gone, was refused, or does not answer. Trying again may help."""


class BusRefused(BusLost):
    """The server answered with an error: it does not know us, or not yet again."""


class Address(Struct, frozen=True):
    path: str = ""
    host: str = ""
    port: int = 6379
    user: str = ""
    password: str = ""
    tls: bool = False
    authority: str = ""  # PEM

    def __repr__(self) -> str:
        return f"Address({self.path or f'{self.host}:{self.port}'}, user={self.user!r})"


def parse_address(url: str, authority: str = "") -> Address:
    """`unix://user:password@/path.sock`, `redis://…@host:port`, `rediss://…` for TLS."""
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme == "unix" and parts.path:
        return Address(path=unquote(parts.path), user=user, password=password)
    if parts.scheme in {"redis", "rediss"} and parts.hostname:
        return Address(
            host=parts.hostname,
            port=parts.port or 6379,
            user=user,
            password=password,
            tls=parts.scheme == "rediss",
            authority=authority,
        )
    raise ValueError("the bus URL must read unix://user:password@/path or redis://…@host:port")


class Connection(asyncio.Protocol):
    """Commands are answered in order; with `on_message`, published messages go there."""

    def __init__(self, on_message: OnMessage | None = None) -> None:
        self._reader = hiredis.Reader()
        self._replies: deque[asyncio.Future[Any]] = deque()
        self._transport: asyncio.Transport | None = None
        self._on_message = on_message
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def call(self, *words: bytes | str | int) -> Any:
        """The reply to one command."""
        if self._transport is None or self._lost.done():
            raise BusLost("the connection is closed")

        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._replies.append(reply)
        self._transport.write(hiredis.pack_command(cast("Any", words)))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await reply
        except TimeoutError as error:
            self._lose(f"no answer within {PATIENCE_SECONDS:g} s")
            raise BusLost(f"no answer within {PATIENCE_SECONDS:g} s") from error

    async def subscribe(self, *channels: str) -> None:
        """Each channel is confirmed by a reply of its own."""
        for channel in channels:
            await self.call("SUBSCRIBE", channel)

    async def watch(self) -> None:
        """Wait until the connection is lost; BusLost says why."""
        await asyncio.shield(self._lost)

    def close(self) -> None:
        self._lose("closed")

    # ---- asyncio.Protocol ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (item := self._reader.gets()) is not False:
                self._take(item)
        except hiredis.ProtocolError as error:
            self._lose(f"the server does not speak our protocol: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self._lose(str(error) if error else "the server closed the connection")

    def _take(self, item: Any) -> None:
        if self._on_message is not None and isinstance(item, list) and item[0] == b"message":
            self._on_message(item[1], item[2])
            return
        if not self._replies:
            return

        reply = self._replies.popleft()
        if reply.done():
            return
        if isinstance(item, hiredis.ReplyError):
            reply.set_exception(BusRefused(str(item)))
        else:
            reply.set_result(item)

    def _lose(self, why: str) -> None:
        if self._lost.done():
            return
        self._lost.set_exception(BusLost(why))
        self._lost.exception()  # whoever does not watch need not be told
        while self._replies:
            reply = self._replies.popleft()
            if not reply.done():
                reply.set_exception(BusLost(why))
        if self._transport is not None:
            self._transport.abort()


@asynccontextmanager
async def connected(
    address: Address, on_message: OnMessage | None = None
) -> AsyncIterator[Connection]:
    """An open connection that has shown its password; closed in the end."""
    loop = asyncio.get_running_loop()

    def protocol() -> Connection:
        return Connection(on_message)

    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            if address.path:
                _, connection = await loop.create_unix_connection(protocol, address.path)
            else:
                _, connection = await loop.create_connection(
                    protocol, address.host, address.port, ssl=_secured(address)
                )
    except (OSError, TimeoutError) as error:
        raise BusLost(f"cannot connect: {str(error) or 'no answer'}") from error

    try:
        if address.password:
            await connection.call("AUTH", address.user or "default", address.password)
        yield connection
    finally:
        connection.close()


def _secured(address: Address) -> "ssl.SSLContext | None":
    if not address.tls:
        return None
    # A socket of this machine needs none of it, and an idle process feels what it imports.
    import ssl

    return ssl.create_default_context(cadata=address.authority or None)
