"""What the lists cost on PostgreSQL, behind the second wall, as the api role asks."""

from collections.abc import Iterator

import pytest

from control_plane.infra import schema
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, connect
from control_plane.infra.rng import SeededRng
from tests.conftest import own_postgres
from tests.fakes.site import make_world
from tests.unit.api.query_counts import MOST, compared, questions

pytestmark = [pytest.mark.db, pytest.mark.postgres]

WALL = 1  # each transaction says for whom it asks


@pytest.fixture
def owner() -> Iterator[Database]:
    with own_postgres(__name__) as url:
        opened = connect(url, RealClock())
        schema.upgrade(opened)
        yield opened
        opened.close()


async def test_no_list_asks_once_for_each_row_on_postgresql(owner: Database) -> None:
    walled = owner.behind_the_wall()
    world = await make_world(walled, RealClock(), SeededRng(3))

    one, many = await compared(walled, owner, world)

    assert questions(one) == questions(many)
    assert {path: asked for path, asked in questions(many).items() if asked > MOST + WALL} == {}
