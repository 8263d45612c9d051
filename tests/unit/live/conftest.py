"""A hub over a database in memory, and people who talk to it without a socket."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from control_plane.core.ids import Tenant
from control_plane.dashboard.models import Counts, Picture
from control_plane.infra import events
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_callers import Caller
from control_plane.live.service import Hub
from control_plane.settings import LiveSettings
from tests.fakes.clock import FakeClock
from tests.fakes.peer import FakePeer

ANN = Caller(Tenant("usann"), "ann@example.com")
ADMIN = Caller(Tenant("usboss"), "boss@example.com", is_admin=True)


@dataclass
class Pier:
    """Where people's connections lie; time passes only when a test says so."""

    db: Database
    clock: FakeClock
    group: asyncio.TaskGroup
    fallen: set[Caller] = field(default_factory=set)
    drawn: int = 0
    settings: LiveSettings = field(default_factory=lambda: LiveSettings(queue_frames=8))
    hub: Hub = field(init=False)
    _running: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """A process begins; a second time it is another one, on the same database."""
        self.hub = Hub(self.db, self.clock, self.settings, self.proved, self.picture)
        self._running.append(self.group.create_task(self.hub.run()))

    def close(self) -> None:
        for task in self._running:
            task.cancel()

    async def proved(self, callers: frozenset[Caller]) -> frozenset[Caller]:
        return callers - self.fallen

    async def picture(self) -> Picture:
        now = self.clock.now()
        counts = Counts(self.drawn, 0, 0, 0, 0)
        return Picture(now, "1", now, 1.0, counts, (), (), (), (), (), ())

    def connect(self, caller: Caller = ANN) -> FakePeer:
        peer = FakePeer()
        self._running.append(self.group.create_task(self.hub.serve(caller, peer)))
        return peer

    async def happen(self, *kinds: str, tenant: str = ANN.tenant, **more: Any) -> None:
        def tell(tx: Tx) -> None:
            for kind in kinds:
                subject = {"subject_kind": "deployment", "subject_id": "dp1", **more}
                body = subject.pop("body", {})
                events.record(tx, kind, **subject, tenant=tenant, **body)

        await self.db.write(tell)
        await self.clock.advance(0.25)


@pytest.fixture
async def pier(memory: Database, clock: FakeClock) -> AsyncIterator[Pier]:
    async with asyncio.TaskGroup() as group:
        made = Pier(memory, clock, group)
        yield made
        made.close()
