"""Calls to a Docker engine, each with a deadline.

The SDK blocks, so it runs on threads of ours. What it raises becomes ours here and nowhere else, so
that "no answer" is never taken for "gone".
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from docker import APIClient
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.errors import APIError, DockerException, NotFound

from control_plane.containers.errors import EngineUnreachable, LaunchFailed

T = TypeVar("T")

NEWEST = DEFAULT_DOCKER_API_VERSION  # that the SDK knows
CALL_SECONDS = 5.0
THREADS = 8
LINE_SECONDS = 30.0
SPARE = 2  # for streams of events, which keep a thread each
CONFLICT = 409
# No status of its own tells these conflicts from others.
ON_ITS_WAY_OUT = ("is already in progress", "is marked for removal")
DEFAULT_HOST = "unix:///var/run/docker.sock"


class Gone(Exception):
    """There is no such container, image or volume, or it is being removed already."""


def spoken(theirs: str) -> str:
    """The API's version that both sides know: an engine's own newest may mean something else by the
    same words.
    """
    return min(theirs, NEWEST, key=lambda text: tuple(map(int, text.split("."))))


@dataclass
class Engine:
    host: str | None = None
    call_seconds: float = CALL_SECONDS
    _clients: dict[float, APIClient] = field(default_factory=dict)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(THREADS - SPARE))
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="docker")
    )

    async def call(
        self, method: str, *args: Any, within: float | None = None, **kwargs: Any
    ) -> Any:
        """Call a method of the SDK's low-level client by its name."""
        seconds = within or self.call_seconds
        await self._knock()

        def blocking() -> Any:
            return getattr(self._client(seconds), method)(*args, **kwargs)

        async with self._slot():
            try:
                # The SDK's own deadline covers each read; this one the whole call.
                async with asyncio.timeout(seconds + 1):
                    return await self._on_thread(lambda: self._translated(blocking))
            except TimeoutError as error:
                raise self._silent(seconds) from error

    async def read(self, method: str, *args: Any, **kwargs: Any) -> bytes:
        """What a method that streams sends, to its end."""
        stream = await self.call(method, *args, **kwargs)
        try:
            async with asyncio.timeout(self.call_seconds):
                return await self._on_thread(lambda: self._translated(lambda: b"".join(stream)))
        except TimeoutError as error:
            raise self._silent(self.call_seconds) from error

    async def events(self, **kwargs: Any) -> AsyncGenerator[Mapping[str, Any], None]:
        """The engine's stream, which ends without a word when the engine does."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        await self._knock()
        opening = loop.run_in_executor(
            self._threads,
            self._translated,
            lambda: self._client(self.call_seconds).events(decode=True, **kwargs),
        )
        try:
            stream = await asyncio.shield(opening)
        except asyncio.CancelledError:
            with suppress(EngineUnreachable, LaunchFailed):
                (await opening).close()
            raise

        def read() -> None:
            # Closing it from outside breaks the read in one of several ways.
            with suppress(OSError, ValueError, AttributeError):
                for event in stream:
                    loop.call_soon_threadsafe(queue.put_nowait, event)
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(queue.put_nowait, None)

        reading = loop.run_in_executor(self._threads, read)
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            with suppress(OSError, AttributeError):  # the engine has closed it already
                stream.close()
            await reading

    async def happened(self, since: float, until: float, **filters: str) -> list[str]:
        """What the engine remembers of that time, by the names of its events. A moment that is
        still to come is waited for.
        """
        seconds = self.call_seconds
        await self._knock()

        def read() -> list[str]:
            found = self._client(seconds).events(since, until, filters, decode=True)  # type: ignore[call-overload] # it takes fractions, whatever the stub says
            return [str(event.get("Action", "")) for event in found]

        try:
            async with asyncio.timeout(seconds + 1):
                return await self._on_thread(lambda: self._translated(read))
        except TimeoutError as error:
            raise self._silent(seconds) from error

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Whoever waits for a thread does not wait for the engine: that is no silence of its."""
        try:
            async with asyncio.timeout(LINE_SECONDS):
                await self._slots.acquire()
        except TimeoutError as error:
            raise EngineUnreachable(
                f"Calls to the Docker engine have stood in line for {LINE_SECONDS:g} s."
            ) from error
        try:
            yield
        finally:
            self._slots.release()

    async def _knock(self) -> None:
        """Whether anybody is behind the socket, and lets us in. The SDK leaves its own socket open
        when it is refused, and tells the reasons less well apart.
        """
        if not self._where.startswith("/"):
            return
        try:
            async with asyncio.timeout(self.call_seconds):
                _, writer = await asyncio.open_unix_connection(self._where)
        except TimeoutError as error:
            raise self._silent(self.call_seconds) from error
        except PermissionError as error:
            raise EngineUnreachable(
                f"There is no permission on the Docker engine's socket {self._where}.",
                remedy="Add this user to the socket's group.",
            ) from error
        except OSError as error:
            raise self._unreachable() from error
        writer.close()

    @property
    def _where(self) -> str:
        return (self.host or DEFAULT_HOST).removeprefix("unix://")

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _client(self, seconds: float) -> APIClient:
        client = self._clients.get(seconds)
        if client is None:
            client = self._made("auto", seconds)
            agreed = spoken(client.api_version)
            if agreed != client.api_version:
                client.close()
                client = self._made(agreed, seconds)
            self._clients[seconds] = client
        return client

    def _made(self, version: str, seconds: float) -> APIClient:
        return APIClient(
            self.host or DEFAULT_HOST,
            version=version,
            timeout=seconds,  # type: ignore[arg-type] # the stub is too narrow
            max_pool_size=THREADS,
        )

    def _translated(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except NotFound as error:
            raise Gone(str(error.explanation or error)) from error
        except APIError as error:
            said = str(error.explanation or error)
            if error.status_code == CONFLICT and any(words in said for words in ON_ITS_WAY_OUT):
                raise Gone(said) from error
            raise LaunchFailed(f"The Docker engine says: {said}.") from error
        except (DockerException, OSError) as error:  # what its HTTP library raises is an OSError
            if "Read timed out" in str(error):
                raise self._silent(self.call_seconds) from error
            raise self._unreachable() from error

    def _unreachable(self) -> EngineUnreachable:
        return EngineUnreachable(
            f"The Docker engine cannot be reached at {self._where}.", remedy="Is it running?"
        )

    def _silent(self, seconds: float) -> EngineUnreachable:
        return EngineUnreachable(f"The Docker engine has not answered within {seconds:g} s.")
