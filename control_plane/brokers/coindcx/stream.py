"""One socket to the venue, kept alive: joined again after every break, watched for silence.

What a socket misses it never tells again, so each break is reported as a gap for REST to fill. The
venue says nothing to a wrong key but hangs up; who is hung up on right after joining is told so,
and has to confirm over REST before trying again.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from loguru import logger

from control_plane.brokers.coindcx.frames import NotUnderstood, Told, read_frame
from control_plane.brokers.coindcx.wire import Credentials, socket_signature
from control_plane.core.clock import Clock, ms
from control_plane.core.ids import Rng
from control_plane.infra.net import Unreachable
from control_plane.infra.socket_io import Connection, SocketIo

PRIVATE = "coindcx"
REFUSED_WITHIN_MS = 2_000


@dataclass(frozen=True, slots=True)
class Gap:
    """Whatever happened in between was not heard."""

    from_ms: int
    until_ms: int


Record = Callable[[str, str, object], None]  # where it came from, its name, its argument


class KeyRefused(Exception):
    """Hung up on right after the private join: most likely the key; ask over REST."""


@dataclass
class Stream:
    sockets: SocketIo
    url: str
    channels: Sequence[str]
    deliver: Callable[[Told | Gap], None]
    clock: Clock
    rng: Rng
    credentials: Credentials | None = None
    silence_seconds: float = 60.0  # nothing at all for so long is a dead connection
    ping_seconds: float = 25.0
    longest_pause_seconds: float = 60.0
    record: Record | None = None
    heard_ms: int = 0
    failures: int = 0
    not_understood: int = 0
    _connection: Connection | None = None

    async def listen_to(self, channels: Sequence[str]) -> None:
        """From now on these, also after every break."""
        before, self.channels = set(self.channels), tuple(channels)
        await self._emit("leave", sorted(before - set(channels)))
        await self._emit("join", [each for each in channels if each not in before])

    async def join_again(self, channels: Iterable[str]) -> None:
        """In case that the venue forgot: joining twice does no harm."""
        await self._emit("join", channels)

    async def run(self) -> None:
        """For ever, but for a key that is refused."""
        while True:
            try:
                await self.once()
            except Unreachable as error:
                logger.warning("socket_unreachable", url=self.url, reason=str(error))
            self.failures += 1
            await self.clock.sleep(self._pause())

    async def once(self) -> None:
        """One connection, from its joins to its end."""
        async with self.sockets.connect(self.url) as connection:
            began_ms = self._now()
            if self.heard_ms:
                self.deliver(Gap(self.heard_ms, began_ms))
            self.heard_ms = began_ms
            self._connection = connection
            try:
                await self._join(connection)
                await self._listen(connection)
            finally:
                self._connection = None
        if self.credentials is not None and self._now() - began_ms < REFUSED_WITHIN_MS:
            raise KeyRefused(f"{self.url} hung up after the private join.")

    async def _emit(self, name: str, channels: Iterable[str]) -> None:
        """Without a connection the next one's joins do it."""
        with suppress(Unreachable):
            for channel in channels:
                if self._connection is not None:
                    await self._connection.emit(name, {"channelName": channel})

    async def _join(self, connection: Connection) -> None:
        """Nothing is acknowledged, and joining twice does no harm."""
        for channel in self.channels:
            await connection.emit("join", {"channelName": channel})
        if self.credentials is not None:
            await connection.emit("join", _private(self.credentials))

    async def _listen(self, connection: Connection) -> None:
        while True:
            try:
                async with asyncio.timeout(self.ping_seconds):
                    event = await connection.next_event()
            except TimeoutError:
                if self._now() - self.heard_ms > self.silence_seconds * 1000:
                    logger.warning("socket_silent", url=self.url)
                    return
                await connection.emit("ping", {"data": "Ping message"})
                continue
            if event is None:
                return
            self.heard_ms = self._now()
            self.failures = 0
            self._tell(*event)

    def _tell(self, name: str, argument: object) -> None:
        if self.record is not None:
            self.record(self.url, name, argument)
        found = read_frame(name, argument)
        if isinstance(found, NotUnderstood):
            self.not_understood += 1
            logger.warning("socket_event_not_understood", event=name, reason=found.why)
            return
        for told in found:
            self.deliver(told)

    def _pause(self) -> float:
        """Doubling, and never in step with everybody else's."""
        longest = min(self.longest_pause_seconds, 0.5 * 2 ** min(self.failures, 10))
        return self.rng.uniform(longest / 2, longest)

    def _now(self) -> int:
        return ms(self.clock.now())


def _private(credentials: Credentials) -> dict[str, Any]:
    return {
        "channelName": PRIVATE,
        "authSignature": socket_signature(credentials.secret),
        "apiKey": credentials.key,
    }
