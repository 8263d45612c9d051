"""`docs/accounts.md`, run from its first request to its last."""

import re
import shlex
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from control_plane.cli.main import app
from control_plane.core.ids import Rng
from control_plane.infra.db import Database
from tests.fakes.clock import FakeClock
from tests.fakes.site import World, make_world
from tests.unit.api.people import ADDRESS, proof_in

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "accounts.md").read_text()
LINES = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    for line in block.split("\n")
]
REQUESTS = [line for line in LINES if line.startswith("curl ")]
COMMANDS = [line for line in LINES if line.startswith("slipway ")]


@pytest.fixture
async def world(memory: Database, clock: FakeClock, rng: Rng) -> World:
    return await make_world(memory, clock, rng, accounts={"sign_up": "open"})


async def test_every_request_of_the_page_works_in_its_order(world: World) -> None:
    known = {"API": ADDRESS}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(world.app)) as client:
        for line in REQUESTS:
            answer = await _sent(client, line, known)
            assert answer.is_success, f"{line}: {answer.text}"
            if world.post.letters:
                known["PROOF"] = proof_in(world)
            if answer.content and isinstance(answer.json(), dict):
                known |= {key.upper(): str(value) for key, value in answer.json().items()}

    assert [one["name"] for one in answer.json()["items"]] == ["practice"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_knows_what_the_page_tells_it(command: str) -> None:
    answer = CliRunner().invoke(app, [*shlex.split(command)[1:], "--help"])

    assert answer.exit_code == 0, answer.output


async def _sent(client: httpx.AsyncClient, line: str, known: dict[str, str]) -> httpx.Response:
    filled = re.sub(r"\$([A-Z_]+)", lambda found: known[found[1]], line)
    words = iter(shlex.split(filled)[1:])
    method, url, headers, body = "GET", "", {}, None
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "--json":
                body, headers["Content-Type"] = next(words), "application/json"
            case _:
                url = word
    return await client.request(method, url, headers=headers, content=body)
