"""Alive: the process answers. Ready: everything it needs is there; if not, what is missing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import text

from control_plane.errors import SlipwayError
from control_plane.infra import schema
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.leases import Leases
from control_plane.infra.supervisor import Supervisor

DEADLINE_SECONDS = 2.0

# What is missing, in a sentence, or nothing.
Check = Callable[[], Awaitable[str | None]]


class Lack(BaseModel):
    part: str = Field(examples=["redis"])
    what: str


class Readiness(BaseModel):
    ready: bool
    missing: list[Lack]


@dataclass(frozen=True)
class Health:
    checks: Mapping[str, Check]

    async def missing(self) -> list[Lack]:
        """Each check by itself, so that a stuck one hides no other."""
        async with asyncio.TaskGroup() as group:
            asked = {
                part: group.create_task(_ask(check), name=f"health-{part}")
                for part, check in self.checks.items()
            }
        return [
            Lack(part=part, what=what) for part, task in asked.items() if (what := task.result())
        ]


def health_routes(health: Health) -> APIRouter:
    router = APIRouter(prefix="/health")

    @router.get("/live")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @router.get("/ready")
    async def ready(response: Response) -> Readiness:
        missing = await health.missing()
        response.status_code = 503 if missing else 200
        return Readiness(ready=not missing, missing=missing)

    return router


def database_answers(db: Database) -> Check:
    async def check() -> None:
        await db.read(_select_one)

    return check


def schema_is_current(db: Database) -> Check:
    async def check() -> str | None:
        if await asyncio.to_thread(schema.is_current, db):
            return None
        return "The schema is not this version's; SLIPWAY_DATABASE__MIGRATE=true brings it there."

    return check


def redis_answers(bus: Bus) -> Check:
    return bus.ping


def leases_held(leases: Leases) -> Check:
    async def check() -> str | None:
        return None if leases.owned() else f"The role {leases.role} holds no shard yet."

    return check


def loops_run(supervisor: Supervisor) -> Check:
    async def check() -> str | None:
        down = [
            f"{name}: {state}" for name, state in supervisor.states.items() if state != "running"
        ]
        return f"Loops that do not run: {'; '.join(down)}." if down else None

    return check


async def _ask(check: Check) -> str | None:
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await check()
    except TimeoutError:
        return f"No answer within {DEADLINE_SECONDS:g} s."
    except SlipwayError as error:
        return str(error)


def _select_one(tx: Tx) -> None:
    tx.scalar(text("SELECT 1"))
