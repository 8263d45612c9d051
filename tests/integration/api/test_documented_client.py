"""The program of docs/accounts.md, run as a reader would run it."""

import asyncio
import re
import sys
from pathlib import Path

from control_plane.core.ids import Rng
from control_plane.infra.db import Database
from control_plane.infra.http_server import HttpServer
from tests.fakes.clock import FakeClock
from tests.fakes.site import TOKEN, make_world

PAGE = Path(__file__).resolve().parents[3] / "docs" / "accounts.md"


async def test_the_documented_program_does_what_the_page_says(
    memory: Database, clock: FakeClock, rng: Rng
) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    world = await make_world(memory, clock, rng)
    server = HttpServer("127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.run(world.app))
        program = program.replace("$ADDRESS", server.address).replace("$TOKEN", TOKEN)
        said = [await _run(program) for _ in range(2)]
        server.stop()

    assert said == [
        "second active\n",
        "You have an account 'second' already. Choose another name.\nsecond active\n",
    ]


async def _run(program: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()
