"""Many at once with one key, on both databases: one of them does it."""

import asyncio

import pytest
from sqlalchemy import func, select

from control_plane.core.ids import Rng, Tenant
from control_plane.errors import SlipwayError
from control_plane.infra import idempotency
from control_plane.infra.db import Database, Tx
from control_plane.infra.events import events, record
from control_plane.infra.idempotency import Answer, Attempt

pytestmark = pytest.mark.db

TENANT = Tenant("usann")
DONE = Answer(201, [("content-type", "application/json")], b'{"done":true}')


def _do(tx: Tx, trying: Attempt) -> None:
    record(tx, "thing_done", "thing", "1")
    idempotency.note(tx, trying, DONE)


async def _send(database: Database, rng: Rng) -> Answer | SlipwayError:
    trying = idempotency.attempt(TENANT, "one key for everybody", "same", rng)
    try:
        before = await database.write(idempotency.begin, trying)
        if before is not None:
            return before
        await database.write(_do, trying)
        await database.write(idempotency.finish, trying, DONE)
    except SlipwayError as refusal:
        return refusal
    return DONE


async def test_of_fifty_at_once_one_does_it_and_none_hears_anything_else(
    database: Database, rng: Rng
) -> None:
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(_send(database, rng)) for _ in range(50)]
    answers = [task.result() for task in asked]

    assert {type(answer) for answer in answers} <= {Answer, idempotency.UnderWay}
    assert [one for one in answers if isinstance(one, Answer)].count(DONE) >= 1
    assert await database.read(lambda tx: tx.scalar(select(func.count()).select_from(events))) == 1
    assert await _send(database, rng) == DONE
