"""One name for the containers of all that share a database."""

from control_plane.infra import fleet_name
from control_plane.infra.db import Database


async def test_the_first_gives_the_name_and_all_others_take_it(memory: Database) -> None:
    assert await memory.write(fleet_name.settle, "first") == "first"
    assert await memory.write(fleet_name.settle, "second") == "first"
    assert await memory.write(fleet_name.settle, "first") == "first"
