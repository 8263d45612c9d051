"""One channel of the bus on one connection of its own, read without a client library in between.

A connection each, so that one sender's flood fills one buffer and delays nobody else's frames.
Bytes are counted as they arrive and frames before anybody decodes them, so that a flood costs next
to nothing before it is cut.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hiredis
from loguru import logger
from redis.asyncio.connection import parse_url

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.infra.flood import FloodGauge
from control_plane.infra.pulse import MEMORY_SECONDS, Pulse

CONNECT_SECONDS = 2.0
KEEPALIVE_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0

Receive = Callable[[bytes], bool]  # a frame; whether the reader may go on


@dataclass
class Subscriber:
    """Listens until it is cancelled or its sender floods, and connects again whenever it must."""

    url: str
    channel: str
    receive: Receive
    clock: Clock
    rng: Rng
    pulse: Pulse | None = None
    gauge: FloodGauge | None = None
    subscribed: Callable[[], None] = field(default=lambda: None)
    _reading: "_Reading | None" = None

    async def run(self) -> None:
        """Returns only on a flood, with the connection closed already."""
        failures = 0
        while True:
            reading = _Reading(self)
            try:
                await self._connect(reading)
                await self._stay(reading)
            except (OSError, TimeoutError) as error:
                logger.debug("channel_lost", channel=self.channel, reason=str(error))
            finally:
                reading.abort()
                self._reading = None

            if reading.flooded:
                return
            failures = 0 if reading.is_subscribed else failures + 1
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures, 10))
            await self.clock.sleep(pause * self.rng.uniform(0.5, 1.5))

    def resume(self) -> None:
        """Read on, after `receive` has said no."""
        if self._reading is not None:
            self._reading.resume()

    async def _connect(self, reading: "_Reading") -> None:
        where = parse_url(self.url)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            if "path" in where:
                await loop.create_unix_connection(lambda: reading, where["path"])
            else:
                await loop.create_connection(
                    lambda: reading,
                    where.get("host", "localhost"),
                    where.get("port", 6379),
                    ssl=self._tls(where.get("ssl_ca_certs")),
                )
        self._reading = reading
        reading.write(*_sign_in(where), ("SUBSCRIBE", self.channel))

    def _tls(self, authority: object) -> ssl.SSLContext | None:
        if not self.url.startswith("rediss://"):
            return None
        return ssl.create_default_context(cafile=str(authority) if authority else None)

    async def _stay(self, reading: "_Reading") -> None:
        """A peer that is gone without a word is found by its silence."""
        while not reading.lost.done():
            asked = self.clock.monotonic()
            reading.write(("PING",))
            await asyncio.wait({reading.lost}, timeout=KEEPALIVE_SECONDS)
            if reading.heard < asked and not reading.is_paused:
                return


class _Reading(asyncio.Protocol):
    """One connection's life."""

    def __init__(self, owner: Subscriber) -> None:
        self.owner = owner
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard = owner.clock.monotonic()
        self.is_subscribed = False
        self.flooded = False
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader()
        self._paused_at: float | None = None
        self._pause = 0.0
        self._resumed_at = float("-inf")

    @property
    def is_paused(self) -> bool:
        return self._paused_at is not None

    def write(self, *commands: tuple[str, ...]) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(_packed(parts) for parts in commands))

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def resume(self) -> None:
        if self._paused_at is None or self._transport is None:
            return
        now = self.owner.clock.monotonic()
        self._pause, self._resumed_at = now - self._paused_at, now
        self._paused_at = None
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self.flooded:
            return
        self.heard = self.owner.clock.monotonic()
        try:
            frames = self._frames(data)
        except hiredis.ProtocolError as error:
            logger.warning("channel_garbled", channel=self.owner.channel, reason=str(error))
            self.abort()
            return

        gauge = self.owner.gauge
        if gauge is not None and not gauge.bears(
            self.heard, frames=len(frames), size=len(data), stalled=self._stalled()
        ):
            self.flooded = True
            self.abort()
            return

        for frame in frames:
            if not self.owner.receive(frame):
                self._stop_reading()

    def _frames(self, data: bytes) -> list[bytes]:
        self._reader.feed(data)
        frames: list[bytes] = []
        while (reply := self._reader.gets()) is not False:
            match reply:
                case [b"message", _, bytes(frame)]:
                    frames.append(frame)
                case [b"subscribe", *_]:
                    self.is_subscribed = True
                    self.owner.subscribed()
                case hiredis.ReplyError():
                    logger.warning("channel_refused", channel=self.owner.channel, reason=str(reply))
                    self.abort()
        return frames

    def _stop_reading(self) -> None:
        if self._paused_at is None and self._transport is not None:
            self._paused_at = self.heard
            if not self._transport.is_closing():
                self._transport.pause_reading()

    def _stalled(self) -> float:
        pulse = self.owner.pulse
        ours = self._pause if self.heard - self._resumed_at < MEMORY_SECONDS else 0.0
        return max(ours, pulse.stalled() if pulse is not None else 0.0)


def _packed(parts: tuple[str, ...]) -> bytes:
    packed: bytes = hiredis.pack_command(parts)  # type: ignore[arg-type] # its stub says one part
    return packed


def _sign_in(where: Any) -> list[tuple[str, ...]]:
    password = where.get("password")
    if not password:
        return []
    user = where.get("username")
    return [("AUTH", user, password) if user else ("AUTH", password)]
