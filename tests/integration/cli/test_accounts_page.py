"""The commands of docs/accounts.md, run by somebody who has signed in from elsewhere."""

import asyncio
import os
import re
import shlex
import sys
from pathlib import Path

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.infra import db
from control_plane.infra.http_server import HttpServer
from control_plane.tables import SCHEMA
from tests.fakes.site import make_world
from tests.unit.api.people import PASSWORD, person

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "accounts.md").read_text()
SCRIPT = "from control_plane.cli.main import run; run()"


def commands() -> list[str]:
    """From signing in to the paper account: one block of the page."""
    blocks = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    (found,) = [block for block in blocks if "slipway login --address" in block]
    return [line for line in found.splitlines() if line]


async def test_the_commands_of_the_page_lead_to_a_paper_account(
    tmp_path: Path, real_clock: Clock, rng: Rng
) -> None:
    database = db.connect(f"sqlite:///{tmp_path / 'page.db'}", real_clock)
    SCHEMA.create_all(database.engine)
    world = await make_world(database, real_clock, rng)
    ann = await person(world, "ann")
    server = HttpServer("127.0.0.1", 0)
    said = []
    async with asyncio.TaskGroup() as group:
        group.create_task(server.run(world.app))
        for line in [*commands(), "slipway accounts list"]:
            said.append(
                await _run(line.replace("https://slipway.example", server.address), tmp_path)
            )
        server.stop()

    assert [code for code, _ in said] == [0] * len(said), said
    assert ann.email in said[1][1]
    assert "practice" in said[-1][1]
    assert said[3][1].startswith("slt_")
    assert {"report", "slipway login"} <= set(re.split(r"\s{2,}|\n", said[4][1]))
    (session, *others) = await database.read(lambda tx: tx.all(SCHEMA.tables["session"].select()))
    assert all(one.revoked_ms for one in (session, *others)), "each lasts as long as its command"
    database.close()
    (kept,) = tmp_path.rglob("login.json")
    assert kept.stat().st_mode & 0o077 == 0


async def _run(line: str, home: Path) -> tuple[int, str]:
    known = {name: text for name, text in os.environ.items() if not name.startswith("SLIPWAY_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SCRIPT, *shlex.split(line)[1:]),
        cwd=home,
        env={
            **known,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "SLIPWAY_PASSWORD": PASSWORD,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()
