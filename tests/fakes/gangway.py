"""What stands between a fleet and its engine: a socket that passes everything on, until a test
says otherwise.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ENGINE = "/var/run/docker.sock"


@dataclass
class Gangway:
    path: Path
    engine: str = ENGINE
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def host(self) -> str:
        return f"unix://{self.path}"

    async def lay(self) -> None:
        """The engine is there, and answers."""
        self._open.set()
        self._server = await asyncio.start_unix_server(self._pass, self.path)

    async def draw(self) -> None:
        """The engine is gone: connections end, and nobody takes a new one."""
        assert self._server is not None
        self._server.close()
        self.path.unlink(missing_ok=True)
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()

    def hold(self) -> None:
        """The engine is there and stands still: it takes connections and answers nothing."""
        self._open.clear()

    def let_go(self) -> None:
        self._open.set()

    async def _pass(self, there: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            answers, asked = await asyncio.open_unix_connection(self.engine)
            self._writers |= {back, asked}
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pump(there, asked))
                    group.create_task(self._pump(answers, back))
            finally:
                self._writers -= {back, asked}
                for writer in (back, asked):
                    writer.close()

    async def _pump(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                await self._open.wait()
                to.write(data)
                await to.drain()
        if to.can_write_eof():
            with suppress(OSError, RuntimeError):
                to.write_eof()


@asynccontextmanager
async def gangway(folder: Path) -> AsyncIterator[Gangway]:
    made = Gangway(folder / "engine.sock")
    await made.lay()
    yield made
    made.let_go()
    with suppress(AssertionError):
        await made.draw()
