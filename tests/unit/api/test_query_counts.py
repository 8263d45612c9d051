"""A list costs as many questions to the database with forty rows as with one: none asks again for
each row.
"""

from control_plane.infra.db import Database
from tests.fakes.site import World
from tests.unit.api.query_counts import MOST, compared, questions


async def test_no_list_asks_once_for_each_row(memory: Database, world: World) -> None:
    one, many = await compared(memory, memory, world)

    assert questions(one) == questions(many)
    assert {path: asked for path, asked in questions(many).items() if asked > MOST} == {}
