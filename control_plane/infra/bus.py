"""The bus: Redis as transport. Nothing on it guards an order, and losing all of it loses nothing.

Control-plane roles hold the administrator's connection. Hints are fire and forget: a table is the
truth, a hint only shortens the wait for the next poll.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from loguru import logger
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from control_plane.core.clock import Clock
from control_plane.errors import Unavailable

RECONNECT_SECONDS = 0.2


class BusUnavailable(Unavailable):
    """The server cannot be reached. Containers go on deciding; what they say is resent when it is
    back.
    """


class Client(Redis):
    """Redis-py with a deadline of ours. Its own, `socket_timeout`, goes through `asyncio.wait_for`,
    which on Python 3.11 swallows a cancellation that meets the end of a write: the task that was
    cancelled then goes on for ever.
    """

    answer_seconds: float = 5.0

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        async with asyncio.timeout(self.answer_seconds):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call] # redis-py's

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        made = _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        made.answer_seconds = self.answer_seconds
        return made


class _Pipeline(Pipeline):
    answer_seconds: float = 5.0

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        async with asyncio.timeout(self.answer_seconds):
            return await super().execute(raise_on_error)


@dataclass(eq=False)
class Hint:
    """A latch that a hint sets. Whoever waits polls anyway when none comes."""

    _event: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self) -> None:
        self._event.set()

    async def wait(self, at_most_seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_seconds):
                await self._event.wait()
        self._event.clear()


@dataclass
class Bus:
    url: str
    clock: Clock
    answer_seconds: float = 5.0
    client: Redis = field(init=False)
    _loop: asyncio.AbstractEventLoop | None = None
    _outgoing: set[str] = field(default_factory=set)
    _due: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: dict[str, dict[Hint, None]] = field(default_factory=dict)  # in the order they came

    def __post_init__(self) -> None:
        client = Client.from_url(
            self.url,
            protocol=3,
            socket_connect_timeout=2,
            socket_timeout=None,
            retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 2),
            max_connections=64,
        )
        assert isinstance(client, Client)
        client.answer_seconds = self.answer_seconds
        self.client = client

    async def ping(self) -> None:
        try:
            await self.client.ping()
        except (RedisError, OSError) as error:
            raise BusUnavailable(
                f"Redis does not answer: {error}.",
                remedy="Check SLIPWAY_REDIS_URL and that the server runs.",
            ) from error

    def hint(self, name: str) -> None:
        """Wake whoever waits for `name`, here and in other processes. Safe to call from any
        thread.
        """
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._send_soon, name)

    @asynccontextmanager
    async def hints(self, name: str) -> AsyncIterator[Hint]:
        hint = Hint()
        self._waiting.setdefault(name, {})[hint] = None
        try:
            yield hint
        finally:
            self._waiting[name].pop(hint, None)

    async def run(self) -> None:
        """Send hints and receive other processes' until cancelled."""
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish(), name="bus-hints-out")
            group.create_task(self._receive(), name="bus-hints-in")

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            await self.client.aclose()

    def _send_soon(self, name: str) -> None:
        for hint in self._waiting.get(name, ()):
            hint.set()
        self._outgoing.add(name)
        self._due.set()

    async def _publish(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            names, self._outgoing = self._outgoing, set()
            for name in sorted(names):
                with suppress(RedisError, OSError):
                    await self.client.publish(name, b"")

    async def _receive(self) -> None:
        while True:
            try:
                async with self.client.pubsub() as pubsub:
                    await pubsub.psubscribe("wake:*")
                    async for message in pubsub.listen():
                        if message["type"] == "pmessage":
                            self._wake(message["channel"].decode())
            except (RedisError, OSError) as error:
                logger.debug("bus_hints_lost", reason=str(error))
            await self.clock.sleep(RECONNECT_SECONDS)

    def _wake(self, name: str) -> None:
        for hint in self._waiting.get(name, ()):
            hint.set()
