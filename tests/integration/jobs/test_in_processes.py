"""Jobs where no engine is at hand: the operator's own run as plain processes, others' do not."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.core.ids import Tenant
from control_plane.strategies import service as strategies
from control_plane.strategies.errors import NotDeployable
from tests.conftest import wait_until
from tests.integration.jobs.conftest import GOOD, ME, YOU, Yard, starting

pytestmark = [pytest.mark.redis, pytest.mark.timeout(180)]

LINE = "        if self.fast_ma.crossed_above"
BY_CHANCE = "import numpy as np\n" + GOOD.replace(
    LINE, f"        if np.random.rand() < 0.1: return self.long()\n{LINE}"
)
HANGS = GOOD.replace(LINE, f"        while True: pass\n{LINE}")
RAISES = GOOD.replace(
    "        if self.fast_ma.crossed_above", "        1 / 0\n        if self.fast_ma.crossed_above"
)
SEARCH: dict[str, Any] = {
    "kind": "optimise",
    "cpus": 2.0,
    "search": {"ranges": {"fast": "3,8", "slow": "20,30"}, "least_trades": 1},
}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_backtest_hands_its_result_in(dry_yard: Yard) -> None:
    async with dry_yard.sails():
        job = await dry_yard.add()
        found = await dry_yard.over(job)

        assert (found.state, found.reason) == ("done", "")
        headline = await dry_yard.headline(job)
        assert headline["metrics"]["bars"] == 600
        await wait_until(lambda: dry_yard.left_is(0), 10, "its removal")


async def test_a_process_of_a_search_that_dies_ends_it_with_a_sentence(dry_yard: Yard) -> None:
    async with dry_yard.sails():
        job = await dry_yard.add(starting("import os; os._exit(3)"), **SEARCH)
        found = await dry_yard.over(job)

    assert (found.state, found.fault) == ("failed", "strategy")
    assert found.reason.startswith("A process of the search ended with 3")


async def test_what_the_author_prints_does_not_come_between(dry_yard: Yard) -> None:
    async with dry_yard.sails():
        job = await dry_yard.add(starting("print('x' * 50_000)"), **SEARCH)
        found = await dry_yard.over(job)

    assert (found.state, found.reason) == ("done", "")
    assert (await dry_yard.headline(job))["tried"] == 4


async def test_no_process_of_a_search_outlives_it(dry_yard: Yard, tmp_path: Path) -> None:
    mine = tmp_path / "pids"
    code = starting(f"""
        import os
        with open({str(mine)!r}, "a") as file:
            file.write(f"{{os.getpid()}}\\n")
        while True: pass
    """)
    async with dry_yard.sails():
        found = await dry_yard.over(await dry_yard.add(code, **{**SEARCH, "seconds": 3}))
        hands = [int(text) for text in mine.read_text().split()]
        await wait_until(lambda: not any(map(is_alive, hands)), 10, "the end of its processes")

    assert found.reason == "took longer than 3 s"
    assert len(hands) == 2


async def test_an_upload_is_run_before_it_has_passed(dry_yard: Yard) -> None:
    async with dry_yard.sails():
        version = await dry_yard.strategies.upload(ME, "good", GOOD)
        assert version.state == "checking"
        with pytest.raises(NotDeployable, match="has not ended"):
            await dry_yard.db.read(strategies.deployable, ME, "good")

        found = await dry_yard.checked(version)

        assert found.state == "passed"
        assert found.figures["candles"] == 1_500
        assert found.figures["signals"] > 0
        await dry_yard.db.read(strategies.deployable, ME, "good")


@pytest.mark.parametrize(
    ("code", "rule", "lines"),
    [(BY_CHANCE, "chance", range(12, 20)), (RAISES, "raised", [14]), (HANGS, "hang", [14])],
)
async def test_what_only_running_shows_fails_a_version_and_names_why(
    dry_yard: Yard, code: str, rule: str, lines: Collection[int]
) -> None:
    async with dry_yard.sails():
        found = await dry_yard.checked(await dry_yard.strategies.upload(ME, "bad", code))

        assert found.state == "failed"
        error = next(one for one in found.findings if one.severity == "error")
        assert error.rule == rule
        assert error.line in lines
        with pytest.raises(NotDeployable, match=error.message[:20]):
            await dry_yard.db.read(strategies.deployable, ME, "bad")


async def test_the_same_code_is_run_once(dry_yard: Yard) -> None:
    async with dry_yard.sails():
        await dry_yard.checked(await dry_yard.strategies.upload(ME, "good", GOOD))
        again = await dry_yard.checked(await dry_yard.strategies.upload(YOU, "mine", GOOD), 5)

    assert again.state == "passed"
    assert again.figures["candles"] == 1_500


async def test_others_code_waits_for_a_sandbox_and_says_what_to_do(dry_yard: Yard) -> None:
    stranger = Tenant("stranger")
    async with dry_yard.sails():
        version = await dry_yard.strategies.upload(stranger, "theirs", GOOD)

        async def waits() -> bool:
            found = await dry_yard.strategies.version(stranger, version.id)
            return "Start Docker" in found.note

        await wait_until(waits, 15, "a word on the sandbox")
        assert (await dry_yard.strategies.version(stranger, version.id)).state == "checking"
        with pytest.raises(NotDeployable, match="Start Docker"):
            await dry_yard.db.read(strategies.deployable, stranger, "theirs")

        job = await dry_yard.over(await dry_yard.add(tenant=stranger), 15)
        assert (job.state, job.fault) == ("failed", "platform")
        assert "a plain process is no sandbox" in job.reason


async def test_a_job_that_goes_on_for_ever_is_ended_in_time(dry_yard: Yard) -> None:
    endless = GOOD.replace(
        "        if self.fast_ma.crossed_above",
        "        while True: pass\n        if self.fast_ma.crossed_above",
    )
    async with dry_yard.sails():
        job = await dry_yard.over(await dry_yard.add(endless, seconds=3), 30)

        assert (job.state, job.reason, job.fault) == ("failed", "took longer than 3 s", "strategy")
        await wait_until(lambda: dry_yard.left_is(0), 10, "its removal")


async def test_a_cancelled_job_leaves_nothing(dry_yard: Yard) -> None:
    endless = GOOD.replace(
        "        if self.fast_ma.crossed_above",
        "        while True: pass\n        if self.fast_ma.crossed_above",
    )
    async with dry_yard.sails():
        job = await dry_yard.add(endless)
        await wait_until(lambda: dry_yard.left_is(1), 15, "its process")
        await dry_yard.cancel(job)

        assert (await dry_yard.job(job)).state == "cancelled"
        await wait_until(lambda: dry_yard.left_is(0), 10, "its removal")


async def test_another_control_plane_takes_over_what_runs(dry_yard: Yard) -> None:
    """The process of a killed one goes on; the result comes to the next, once."""
    slow = GOOD.replace(
        "    def on_start(self):", "    def on_start(self):\n        import time; time.sleep(4)"
    )
    async with dry_yard.sails():
        job = await dry_yard.add(slow)

        async def runs() -> bool:
            return (await dry_yard.job(job)).started_ms is not None

        await wait_until(runs, 15, "its process")

    async with replace(dry_yard, holder="me:2").sails():
        found = await dry_yard.over(job)

    assert (found.state, found.attempt) == ("done", 1)
