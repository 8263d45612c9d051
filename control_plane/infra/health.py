"""Alive: the process answers. Ready: everything it needs is there; if not, what is missing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

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
    alarms: list[Lack] = Field(
        default=[], description="What must always hold and does not; work goes on all the same."
    )


@dataclass(frozen=True)
class Health:
    checks: Mapping[str, Check]
    alarms: Mapping[str, Check] = field(default_factory=dict)

    async def missing(self) -> list[Lack]:
        return await _lacks(self.checks)

    async def alarmed(self) -> list[Lack]:
        return await _lacks(self.alarms)


def health_routes(health: Health) -> APIRouter:
    router = APIRouter(prefix="/health")

    @router.get("/live")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @router.get("/ready")
    async def ready(response: Response) -> Readiness:
        missing = await health.missing()
        response.status_code = 503 if missing else 200
        alarms = [] if missing else await health.alarmed()
        return Readiness(ready=not missing, missing=missing, alarms=alarms)

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
        if leases.owned():
            return None
        return leases.refusal or f"The role {leases.role} holds no shard yet."

    return check


def loops_run(supervisor: Supervisor) -> Check:
    async def check() -> str | None:
        down = [
            f"{name}: {state}" for name, state in supervisor.states.items() if state != "running"
        ]
        return f"Loops that do not run: {'; '.join(down)}." if down else None

    return check


async def _lacks(checks: Mapping[str, Check]) -> list[Lack]:
    """Each check by itself, so that a stuck one hides no other."""
    async with asyncio.TaskGroup() as group:
        asked = {
            part: group.create_task(_ask(check), name=f"health-{part}")
            for part, check in checks.items()
        }
    return [Lack(part=part, what=what) for part, task in asked.items() if (what := task.result())]


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
