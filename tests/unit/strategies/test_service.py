"""Uploading, in memory, with a check that needs no process."""

from collections.abc import Mapping
from typing import Any

import pytest

from control_plane.core.ids import Rng, Tenant
from control_plane.errors import Invalid
from control_plane.infra import events
from control_plane.infra.db import Database
from control_plane.strategies import service
from control_plane.strategies.errors import NoSuchStrategy, NotDeployable
from control_plane.strategies.models.checking import Report
from control_plane.strategies.service import Strategies
from control_plane.strategies.worker import Checks
from tests.fakes.clock import FakeClock
from tests.fakes.strategies import check_here

ME, YOU = Tenant("me"), Tenant("you")
CODE = (
    "from strategy_runtime import BaseStrategy\n"
    "class S(BaseStrategy):\n    def on_candle(self, candle): pass\n"
)


@pytest.fixture
def strategies(memory: Database, rng: Rng) -> Strategies:
    return Strategies(memory, rng, check_here)


async def test_an_upload_is_checked_and_told(strategies: Strategies, memory: Database) -> None:
    version = await strategies.upload(ME, "mine", CODE)

    assert (version.state, version.number, version.outline.class_name) == ("passed", 1, "S")
    kinds = [event["kind"] for event in await memory.read(events.after, 0)]
    assert kinds == ["version_uploaded", "version_passed"]


@pytest.mark.attack("U11")
async def test_the_same_text_is_the_same_version(strategies: Strategies) -> None:
    first = await strategies.upload(ME, "mine", CODE, {"tags": ["a"]})
    again = await strategies.upload(ME, "mine", CODE, {"tags": ["a"]})
    other = await strategies.upload(ME, "mine", CODE, {"tags": ["b"]})

    assert again == first
    assert (other.number, other.id == first.id) == (2, False)
    assert [v.number for v in (await strategies.get(ME, "mine")).versions] == [1, 2]


async def test_two_owners_of_the_same_text_have_a_version_each(strategies: Strategies) -> None:
    mine = await strategies.upload(ME, "s", CODE)
    yours = await strategies.upload(YOU, "s", CODE)

    assert mine.id != yours.id
    assert [s.name for s in await strategies.list(ME)] == ["s"]
    with pytest.raises(NoSuchStrategy):
        await strategies.version(ME, yours.id)


async def test_a_failed_version_cannot_be_deployed_and_names_why(
    strategies: Strategies, memory: Database
) -> None:
    version = await strategies.upload(ME, "bad", "import os\n" + CODE)

    assert version.state == "failed"
    with pytest.raises(NotDeployable, match="line 1: os may not be imported"):
        await memory.read(service.deployable, ME, "bad")
    with pytest.raises(NotDeployable):
        await memory.read(service.deployable, ME, version.id)


async def test_a_passed_version_is_found_by_name_or_id(
    strategies: Strategies, memory: Database
) -> None:
    version = await strategies.upload(ME, "good", CODE)

    assert await memory.read(service.deployable, ME, "good") == version
    assert await memory.read(service.deployable, ME, version.id) == version
    with pytest.raises(NoSuchStrategy):
        await memory.read(service.deployable, YOU, version.id)


@pytest.mark.parametrize(
    ("name", "code", "field"),
    [
        ("", CODE, "name"),
        ("x" * 101, CODE, "name"),
        ("a\nb", CODE, "name"),
        ("s", "", "code"),
        ("s", "x\0", "code"),
        ("s", "#" * 300_000, "code"),
        ("s", "\ud800", "code"),
    ],
)
async def test_an_upload_that_is_no_text_is_refused_with_its_field(
    strategies: Strategies, name: str, code: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await strategies.upload(ME, name, code)

    assert refused.value.field == field


async def test_a_manifest_that_is_too_large_or_no_json_is_refused(strategies: Strategies) -> None:
    for manifest in ({"description": "x" * 70_000}, {"when": object()}):
        with pytest.raises(Invalid) as refused:
            await strategies.upload(ME, "s", CODE, manifest)
        assert refused.value.field == "manifest"


async def test_a_check_that_broke_off_is_ended_later(
    strategies: Strategies, memory: Database, rng: Rng, clock: FakeClock
) -> None:
    async def dies(code: str, manifest: Mapping[str, Any]) -> Report:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await Strategies(memory, rng, dies).upload(ME, "s", CODE)

    await Checks(strategies, clock).once()

    assert (await strategies.get(ME, "s")).newest.state == "passed"
