"""The `slipway` command against a live server, as people type it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from control_plane.cli import voyage
from control_plane.cli.session import Api
from control_plane.client import AsyncClient, calls
from control_plane.containers.models import Printed
from control_plane.core.clock import Clock
from control_plane.core.ids import DeploymentId, Rng
from control_plane.deployments.service import watching
from control_plane.infra import db, operator
from control_plane.infra.clock import RealClock
from control_plane.infra.http_server import HttpServer
from control_plane.tables import SCHEMA
from tests.fakes.site import CODE, TOKEN, make_world

SCRIPT = "from control_plane.cli.main import run; run()"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Terminal:
    data_dir: Path

    async def __call__(self, *words: str) -> Said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SCRIPT, "--data-dir", str(self.data_dir), *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Said(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
async def slipway(tmp_path: Path, real_clock: Clock, rng: Rng) -> AsyncIterator[Terminal]:
    database = db.connect(f"sqlite:///{tmp_path / 'cli.db'}", real_clock)
    SCHEMA.create_all(database.engine)
    world = await make_world(database, real_clock, rng)
    server = HttpServer("127.0.0.1", 0)
    (tmp_path / operator.TOKEN_FILE).write_text(TOKEN)
    operator.publish_address(tmp_path, server.address)
    (tmp_path / "cross.py").write_text(CODE)
    (tmp_path / "broken.py").write_text("class Broken(:\n")
    async with asyncio.TaskGroup() as group:
        hub = group.create_task(world.services.live.run())
        group.create_task(server.run(world.app))
        yield Terminal(tmp_path)
        server.stop()
        hub.cancel()
    database.close()


async def test_from_a_file_to_a_subscription(slipway: Terminal) -> None:
    file = str(slipway.data_dir / "cross.py")
    steps = [
        ("strategies", "upload", file),
        ("deploy", "cross", "--name", "night", "-p", "fast=12"),
        ("accounts", "open", "practice"),
        ("subscribe", "night", "--capital", "2000", "--preview"),
        ("subscribe", "night", "--capital", "2000"),
        ("pause", "night"),
    ]
    for words in steps:
        said = await slipway(*words)
        assert said.code == 0, said.err

    status = json.loads((await slipway("status", "--json")).out)
    assert status["counts"]["deployments"] == 1
    assert status["deployments"][0]["desired"] == "paused"
    listed = json.loads((await slipway("subscriptions", "--json")).out)
    which = listed[0]["id"]
    changes = [
        (
            ("change", which, "--risk", "0.02", "--max-notional", "900", "--deny", "eth"),
            "version 2",
        ),
        (("change", which, "--max-notional", "", "--deny", ""), "version 3"),
        (("pause", which, "--until", "90m"), "is paused until"),
        (("pause", which, "--until", "yesterday"), "is no moment"),
        (("resume", which), "is active"),
        (("show", which), "leverage by effective"),
        (("preview", which), "It has given no signal yet."),
        (("cancel", which, "--positions", "close"), "are being closed"),
    ]
    for words, expected in changes:
        said = await slipway("subscriptions", *words)
        assert expected in said.out + said.err, words
    room = await slipway("capacity", "night", "--max-age-seconds", "30")
    assert "84 live subscribers enter within 30 s" in room.out
    told = json.loads((await slipway("subscriptions", "versions", which, "--json")).out)
    assert [one["changed"] for one in told][::-1] == [
        [],
        ["max_notional", "risk", "symbols_denied"],
        ["max_notional", "symbols_denied"],
        ["paused_until_ms", "state"],
        ["paused_until_ms", "state"],
        ["positions", "state"],
    ]
    assert {one["changed_by"] for one in told} == {"operator"}
    assert listed[0]["capital"] == "2000"
    assert "night" in (await slipway("deployments")).out
    assert "spot:B-BTC_USDT" in (await slipway("instruments")).out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("strategies", "upload", "broken.py"), "line 1"),
        (("deploy", "nothing"), "There is no strategy 'nothing'"),
        (("stop", "nothing"), "There is no deployment 'nothing'"),
        (("subscribe", "nothing"), "There is no deployment 'nothing'"),
        (("accounts", "open", "x", "--amount", "lots"), "amount is wrong"),
        (("explain", "nothing"), "There is no intent 'nothing'"),
    ],
)
async def test_what_cannot_be_is_one_sentence_and_an_exit_status(
    slipway: Terminal, words: tuple[str, ...], sentence: str
) -> None:
    words = tuple(str(slipway.data_dir / w) if w.endswith(".py") else w for w in words)

    said = await slipway(*words)

    assert said.code == 1
    assert said.out == ""
    assert sentence in said.err
    assert said.err.startswith("slipway: ")
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "words",
    ["signals", "orders", "trades", "fills", "skips", "intents", "events", "deployments", "status"],
)
async def test_every_list_says_what_it_holds_in_both_ways(slipway: Terminal, words: str) -> None:
    plain, machine = await slipway(words), await slipway(words, "--json")

    assert (plain.code, machine.code) == (0, 0), plain.err + machine.err
    assert plain.out.strip()
    json.loads(machine.out)


async def test_a_server_that_went_away_is_one_sentence(slipway: Terminal) -> None:
    operator.publish_address(slipway.data_dir, "http://127.0.0.1:1")

    said = await slipway("status")

    assert said.code == 1
    assert "does not answer" in said.err
    assert "slipway up" in said.err


async def test_the_demo_is_set_up_once_however_often_it_starts(slipway: Terminal) -> None:
    found = operator.find(slipway.data_dir)
    shipped = {template.name for template in voyage.templates()}

    async with AsyncClient(found.address, found.token) as client:
        for _ in range(2):
            await voyage.set_up(Api(client))
        deployed = [row async for row in client.each(calls.list_deployments())]
        followed = [row async for row in client.each(calls.list_subscriptions())]

    assert {row["name"] for row in deployed} == shipped
    assert len(deployed) == len(followed) == len(shipped)


async def sailing(slipway: Terminal) -> None:
    for words in (
        ("strategies", "upload", str(slipway.data_dir / "cross.py")),
        ("deploy", "cross", "--name", "night"),
    ):
        said = await slipway(*words)
        assert said.code == 0, said.err


async def test_the_fleet_is_a_table_once_where_nobody_watches(slipway: Terminal) -> None:
    await sailing(slipway)

    plain, machine = await slipway("fleet"), await slipway("fleet", "--json")

    assert "night" in plain.out
    assert "waits to be launched" in plain.out
    row = json.loads(machine.out)[0]
    assert (row["name"], row["observed"], row["signals"]) == ("night", "pending", 0)
    for words in (("fleet", "top"), ("fleet", "events"), ("fleet", "history", "night")):
        said, as_json = await slipway(*words), await slipway(*words, "--json")
        assert said.code == 0, said.err
        assert len(json.loads(as_json.out)) >= 1
    assert "deployment_created" in (await slipway("fleet", "history", "night")).out


async def test_a_dry_run_tells_the_steps_and_takes_none(slipway: Terminal) -> None:
    await sailing(slipway)

    said = await slipway("scale", "night", "--memory-mb", "256", "--dry-run")
    wanted = await slipway("deploy", "cross", "--name", "day", "--dry-run", "--json")

    assert "1. launch generation 1" in said.out
    assert "with 256 MB" in said.out
    assert said.out.endswith("Nothing was done.\n")
    assert len(json.loads(wanted.out)["steps"]) == 1
    listed = json.loads((await slipway("deployments", "--json")).out)
    assert [(row["name"], row["memory_mb"]) for row in listed] == [("night", 512)]


async def test_limits_are_set_within_the_ceiling(slipway: Terminal) -> None:
    await sailing(slipway)

    done = await slipway("scale", "night", "--memory-mb", "256", "--cpus", "0.25")
    refused = await slipway("scale", "night", "--memory-mb", "999999")
    hint = await slipway("scale", "night")
    back = await slipway("rollback", "night")

    assert "256 MB and 0.25 CPUs" in done.out
    assert "999999 MB of memory is not between" in refused.err
    assert "Half an hour" in hint.out
    assert "has run no other version" in back.err


async def test_lines_are_shown_searched_and_followed(slipway: Terminal) -> None:
    await sailing(slipway)
    one = DeploymentId(json.loads((await slipway("deployments", "--json")).out)[0]["id"])
    database = db.connect(f"sqlite:///{slipway.data_dir / 'cli.db'}", RealClock())
    words = [Printed(1_000_000_000, "cast off"), Printed(2_000_000_000, "made fast")]
    await database.write(watching.record_output, one, 1, words)

    both = await slipway("logs", "night")
    found = await slipway("logs", "night", "--grep", "FAST", "--json")
    following = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SCRIPT, "--data-dir", str(slipway.data_dir), "logs", "night", "-f"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert following.stdout is not None
    before = [await following.stdout.readline() for _ in range(2)]
    await database.write(watching.record_output, one, 1, [Printed(3_000_000_000, "land ho")])
    after = await following.stdout.readline()
    following.terminate()
    await following.wait()
    database.close()

    assert "cast off" in both.out
    assert [line["text"] for line in json.loads(found.out)] == ["made fast"]
    assert b"made fast" in before[1]
    assert b"land ho" in after


async def test_a_shadow_is_compared_promoted_and_a_deployment_drained(slipway: Terminal) -> None:
    await sailing(slipway)
    await slipway("change", "night", "--on-crash", "flatten")

    started = await slipway("shadow", "start", "night", "-p", "fast=20")
    compared = await slipway("shadow", "diff", "night")
    promoted = await slipway("shadow", "promote", "night", "--json")
    gone = await slipway("shadow", "end", "night")
    drained = await slipway("drain", "night", "--json")

    assert "night (shadow) is being launched" in started.out
    assert "0 of 0 decisions are the same" in compared.out
    found = json.loads(promoted.out)
    assert (found["parameters"]["fast"], found["on_crash"]) == (20, "flatten")
    assert gone.code == 1
    assert "'night' has no shadow" in gone.err
    assert json.loads(drained.out)["desired"] == "stopped"
