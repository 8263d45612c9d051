"""`slipway events -f`, over restarts of the server and where it has no live connections."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.infra import db, events, operator
from control_plane.infra.http_server import HttpServer
from control_plane.tables import SCHEMA
from tests.fakes.site import TOKEN, World, make_world

SCRIPT = "from control_plane.cli.main import run; run()"


@pytest.fixture
async def world(tmp_path: Path, real_clock: Clock, rng: Rng) -> AsyncIterator[World]:
    database = db.connect(f"sqlite:///{tmp_path / 'cli.db'}", real_clock)
    SCHEMA.create_all(database.engine)
    (tmp_path / operator.TOKEN_FILE).write_text(TOKEN)
    yield await make_world(database, real_clock, rng)
    database.close()


@asynccontextmanager
async def serving(world: World, folder: Path, app: ASGIApp, port: int = 0) -> AsyncIterator[int]:
    server = HttpServer("127.0.0.1", port)
    operator.publish_address(folder, server.address)
    async with asyncio.TaskGroup() as group:
        hub = group.create_task(world.services.live.run())
        group.create_task(server.run(app))
        yield server.port
        server.stop()
        hub.cancel()


@asynccontextmanager
async def following(folder: Path, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SCRIPT, "--data-dir", str(folder), "events", "-f", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    yield process
    process.terminate()
    await process.communicate()


async def happens(world: World, kind: str) -> None:
    tenant = (await world.services.users.operated()).tenant
    write = world.services.db.write
    await write(lambda tx: events.record(tx, kind, "trade", "td1", tenant=tenant, pnl="12"))


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode()


async def said(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(30):
        return (await process.stderr.readline()).decode()


async def test_events_go_on_over_a_restart_without_a_gap_or_a_repeat(
    world: World, tmp_path: Path
) -> None:
    kinds = ("--kind", "one", "--kind", "two", "--kind", "three", "--kind", "four")
    await happens(world, "one")
    async with AsyncExitStack() as stack:
        async with serving(world, tmp_path, world.app) as port:
            process = await stack.enter_async_context(following(tmp_path, "--after", "0", *kinds))
            first = [await line(process)]
            await happens(world, "two")
            first.append(await line(process))
        lost = await said(process)
        await happens(world, "three")
        async with serving(world, tmp_path, world.app, port):
            later = [await line(process)]
            await happens(world, "four")
            later.append(await line(process))

    assert [text.split()[4] for text in first + later] == ["one", "two", "three", "four"]
    assert "Going on as soon as it is back" in lost


async def test_a_server_without_live_connections_is_asked_instead(
    world: World, tmp_path: Path
) -> None:
    async def older(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await world.app(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})

    async with (
        serving(world, tmp_path, older),
        following(tmp_path, "--kind", "one", "--after", "0") as process,
    ):
        sentence = await said(process)
        await happens(world, "one")
        shown = await line(process)

    assert "has no live connections" in sentence
    assert "Asking every second" in sentence
    assert "pnl=12" in shown
