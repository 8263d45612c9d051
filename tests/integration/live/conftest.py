"""A whole API on a socket of this machine, with live connections."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.infra import db, events, wall
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_server import HttpServer
from control_plane.live.models.messages import PROTOCOL
from control_plane.tables import SCHEMA
from tests.fakes.site import TOKEN, World, make_world
from tests.unit.api.people import Person, signed_in


@dataclass
class Wire:
    """One open connection, as a client has it."""

    socket: ClientConnection

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            return dict(json.loads(await self.socket.recv()))

    async def next(self, kind: str) -> dict[str, Any]:
        while (message := await self.hear())["type"] != kind:
            pass
        return message

    async def subscribe(self, channel: str = "events", **more: Any) -> None:
        await self.say(type="subscribe", id="a", channel=channel, **more)
        await self.next("subscribed")


@dataclass
class Port:
    """The server, and how one gets to it."""

    world: World
    server: HttpServer

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    @property
    def live(self) -> str:
        return f"ws://{self.host}/api/v1/live"

    @asynccontextmanager
    async def opened(
        self, *, token: str = "", ticket: str = "", origin: str = "", cookie: str = ""
    ) -> AsyncIterator[Wire]:
        given = {"Authorization": f"Bearer {token}", "Origin": origin, "Cookie": cookie}
        headers = {name: value for name, value in given.items() if value not in {"", "Bearer "}}
        offered = [Subprotocol(PROTOCOL), Subprotocol(f"ticket.{ticket}")] if ticket else None
        # A client of this library that stops reading at a full queue takes 10 s to close.
        async with connect(
            self.live,
            additional_headers=headers,
            subprotocols=offered,
            proxy=None,
            max_queue=None,
            sock=_narrow(self.server.port),
        ) as connection:
            wire = Wire(connection)
            await wire.next("hello")
            yield wire

    async def person(self, name: str, role: str = "trader") -> Person:
        somebody = await signed_in(self.world, name, role)
        somebody.client.base_url = httpx.URL(f"http://{self.host}/api/v1")
        return somebody

    async def happen(self, tenant: str, *kinds: str, **body: Any) -> None:
        def tell(tx: Tx) -> None:
            for kind in kinds:
                events.record(tx, kind, "deployment", "dp1", tenant=tenant, **body)

        with wall.acting_for(wall.EVERYBODY):  # whichever role it happens to
            await self.world.services.db.write(tell)

    async def operated(self) -> str:
        with wall.acting_for(wall.EVERYBODY):
            return str((await self.world.services.users.operated()).tenant)


@asynccontextmanager
async def serving(database: Database, clock: Clock, rng: Rng, **more: Any) -> AsyncIterator[Port]:
    world = await make_world(database, clock, rng, **more)
    server = HttpServer("127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        hub = group.create_task(world.services.live.run())
        group.create_task(server.run(world.app))
        yield Port(world, server)
        server.stop()
        hub.cancel()


@pytest.fixture
async def port(tmp_path: Path, real_clock: Clock, rng: Rng) -> AsyncIterator[Port]:
    database = db.connect(f"sqlite:///{tmp_path / 'live.db'}", real_clock)
    SCHEMA.create_all(database.engine)
    async with serving(database, real_clock, rng) as made:
        yield made
    database.close()


OPERATOR = TOKEN


def _narrow(port: int) -> socket.socket:
    """With a small buffer, so that a reader who stops is noticed before megabytes are under way."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made
