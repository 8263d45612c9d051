"""Roles ask each other through rows: the asker writes one, the role that owns its shard carries it
out and writes the result.

A command is carried out at least once: after a crash it is claimed again, so its handler must bear
a repeat.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import msgspec
from sqlalchemy import BigInteger, Text, insert, select, update
from sqlmodel import Field, Index, SQLModel

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng, Shard, random_id
from control_plane.errors import SlipwayError, Unavailable
from control_plane.infra.bus import Bus
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Database, Tx, table
from control_plane.infra.isolation import Isolation
from control_plane.infra.leases import Leases
from strategy_runtime.wire import names

POLL_SECONDS = 1.0

Handler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class CommandRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "command"
    __table_args__ = (Index("ix_command_open", "role", "state", "asked_ms"),)

    id: str = Field(primary_key=True)
    role: str
    shard: int
    kind: str
    body: str = Field(sa_type=Text)
    state: str = "asked"  # asked → done | refused
    result: str | None = Field(default=None, sa_type=Text)
    asked_ms: int = Field(sa_type=BigInteger)
    done_ms: int | None = Field(default=None, sa_type=BigInteger)
    epoch: int = Field(default=0, sa_type=BigInteger)


commands = table(CommandRow)


def ask(
    tx: Tx, bus: Bus, rng: Rng, role: str, shard: Shard, kind: str, body: Mapping[str, Any]
) -> str:
    """Write the question down in the asker's own transaction; the answer comes later, in the
    row.
    """
    identity = random_id("cmd", rng)
    tx.run(
        insert(commands),
        {
            "id": identity,
            "role": role,
            "shard": int(shard),
            "kind": kind,
            "body": canonical_json(body),
            "state": "asked",
            "asked_ms": tx.now_ms(),
            "epoch": 0,
        },
    )
    tx.after_commit(lambda: bus.hint(names.wake(role)))
    return identity


def answer_of(tx: Tx, identity: str) -> tuple[str, Mapping[str, Any]]:
    row = tx.first(select(commands.c.state, commands.c.result).where(commands.c.id == identity))
    if row is None:
        return "refused", {"what": f"There is no command {identity!r}."}
    return row.state, msgspec.json.decode(row.result) if row.result else {}


@dataclass(frozen=True)
class Desk:
    """Carries out the commands of one role, for the shards that it owns."""

    role: str
    db: Database
    bus: Bus
    clock: Clock
    leases: Leases
    handlers: Mapping[str, Handler]

    @cached_property
    def isolation(self) -> Isolation:
        return Isolation(self.db, self.clock)

    async def run(self) -> None:
        async with self.bus.hints(names.wake(self.role)) as hint:
            while True:
                await self.once()
                await hint.wait(POLL_SECONDS)

    async def once(self) -> int:
        """Carry out what is asked now; how many there were."""
        owned = self.leases.owned()
        rows = await self.db.read(_open, self.role, owned)
        for identity, shard, kind, body in rows:
            if not self.leases.is_trusted(Shard(shard)):
                continue
            await self.isolation.run("command", identity, self._answer, identity, shard, kind, body)
        return len(rows)

    async def _answer(self, identity: str, shard: int, kind: str, body: str) -> None:
        state, result = await self._carry_out(kind, msgspec.json.decode(body))
        await self.db.write(_close, identity, state, result, self.leases.epoch(Shard(shard)))

    async def _carry_out(self, kind: str, body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        handler = self.handlers.get(kind)
        if handler is None:
            return "refused", {"what": f"The role {self.role} knows no command {kind!r}."}
        try:
            return "done", await handler(body)
        except SlipwayError as error:
            return "refused", {"what": str(error), "field": error.field}


async def answered(
    db: Database, clock: Clock, identity: str, deadline_seconds: float
) -> Mapping[str, Any]:
    """Wait for the result of a command; a refusal, or no answer in time, is raised."""
    try:
        async with asyncio.timeout(deadline_seconds):
            while True:
                state, result = await db.read(answer_of, identity)
                if state == "refused":
                    raise SlipwayError(str(result.get("what", "It was refused.")))
                if state == "done":
                    return result
                await clock.sleep(0.05)
    except TimeoutError as error:
        raise Unavailable(
            f"No answer within {deadline_seconds:g} s.",
            remedy="The role that does this may not be running.",
        ) from error


def _open(tx: Tx, role: str, owned: frozenset[Shard]) -> list[tuple[str, int, str, str]]:
    query = (
        select(commands.c.id, commands.c.shard, commands.c.kind, commands.c.body)
        .where(
            commands.c.role == role,
            commands.c.state == "asked",
            commands.c.shard.in_(sorted(owned)),
        )
        .order_by(commands.c.asked_ms, commands.c.id)
        .limit(100)
    )
    return [(row.id, row.shard, row.kind, row.body) for row in tx.all(query)]


def _close(tx: Tx, identity: str, state: str, result: Mapping[str, Any], epoch: int) -> None:
    tx.run(
        update(commands).where(commands.c.id == identity, commands.c.state == "asked"),
        {"state": state, "result": canonical_json(result), "done_ms": tx.now_ms(), "epoch": epoch},
    )
