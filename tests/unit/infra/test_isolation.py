from collections.abc import Sequence

import pytest

from control_plane.errors import Unavailable
from control_plane.infra import db, events
from control_plane.infra.db import Database
from control_plane.infra.isolation import Isolation
from control_plane.tables import SCHEMA
from tests.fakes.clock import FakeClock


@pytest.fixture
def database(clock: FakeClock) -> Database:
    made = db.connect("sqlite://", clock, inline=True)
    SCHEMA.create_all(made.engine)
    return made


@pytest.fixture
def isolation(database: Database, clock: FakeClock) -> Isolation:
    return Isolation(database, clock)


async def sick(row: str) -> str:
    if row == "sick":
        raise ZeroDivisionError
    return row


async def all_of(rows: Sequence[str]) -> list[str]:
    return [await sick(row) for row in rows]


async def test_the_others_go_on(isolation: Isolation) -> None:
    assert await isolation.together("row", ["a", "sick", "b"], all_of, str) == [["a"], ["b"]]
    assert await isolation.together("row", ["a", "sick", "b"], all_of, str) == [["a", "b"]]


async def test_it_is_told_once_and_tried_again_later_and_later(
    isolation: Isolation, database: Database, clock: FakeClock
) -> None:
    tried = 0

    async def fails() -> None:
        nonlocal tried
        tried += 1
        raise KeyError("x")

    for _ in range(60):
        await isolation.run("trade", "tr1", fails)
        await clock.advance(1)

    assert tried == 6  # after 1, 2, 4, 8 and 16 seconds
    told = [e for e in await database.read(events.latest) if e["kind"] == "incident"]
    assert [(e["subject_kind"], e["subject_id"]) for e in told] == [("trade", "tr1")]


async def test_what_recovers_is_well(isolation: Isolation, clock: FakeClock) -> None:
    assert await isolation.run("trade", "sick", sick, "sick") is None
    assert await isolation.run("trade", "sick", sick, "well now") is None  # it rests
    await clock.advance(1)
    assert await isolation.run("trade", "sick", sick, "well now") == "well now"


async def test_what_is_away_is_everybody_s_matter(isolation: Isolation) -> None:
    async def away() -> None:
        raise Unavailable("The database does not answer.")

    with pytest.raises(Unavailable):
        await isolation.run("trade", "tr1", away)
