"""An author's folder against a live server: push, diff, revert."""

import json
import shutil
from pathlib import Path

from control_plane.infra import db
from control_plane.infra.clock import RealClock
from control_plane.market.models.trades import Closed
from control_plane.market.store import add_candles
from tests.candles import walk
from tests.integration.cli.test_commands import Terminal, slipway

__all__ = ["slipway"]

TEMPLATES = Path(__file__).parents[3] / "strategy_templates"


def folder(slipway: Terminal) -> Path:
    made = slipway.data_dir / "cross"
    made.mkdir()
    for name in ("strategy.py", "parameters.json"):
        shutil.copyfile(TEMPLATES / "sma_cross" / name, made / name)
    return made


async def test_a_folder_goes_up_once_with_what_was_chosen(slipway: Terminal) -> None:
    mine = str(folder(slipway))

    first = await slipway("push", mine, "--json")
    again = await slipway("push", mine, "--no-check")
    deployed = await slipway("deploy", "cross", "--json")

    assert first.code == 0, first.err
    found = json.loads(first.out)
    assert (found["number"], found["state"], found["is_new"]) == (1, "passed", True)
    assert "is what is there already" in again.out
    chosen = json.loads(Path(mine, "parameters.json").read_text())
    assert json.loads(deployed.out)["parameters"] == chosen


async def test_a_change_is_shown_and_taken_back(slipway: Terminal) -> None:
    mine = folder(slipway)
    code = mine / "strategy.py"
    before = code.read_text()
    assert (await slipway("push", str(mine), "--no-check")).code == 0
    same = await slipway("diff", str(mine))
    code.write_text(before.replace("self.fast", "self.quick"))
    differs = await slipway("diff", str(mine))
    kept = await slipway("revert", str(mine), "--version", "1")
    forced = await slipway("revert", str(mine), "--version", "1", "--force", "--json")

    assert "is what is here" in same.out
    assert "-        self.fast" in differs.out or "self.quick" in differs.out
    assert kept.code == 1
    assert "has changes that no version of cross has" in kept.err
    assert "slipway push" in kept.err
    assert json.loads(forced.out)["number"] == 1
    assert code.read_text() == before


async def test_what_would_fail_there_is_refused_here_with_its_line(slipway: Terminal) -> None:
    mine = folder(slipway)
    code = mine / "strategy.py"
    code.write_text(code.read_text() + "\nimport socket\n")
    line = len(code.read_text().splitlines())

    here = await slipway("push", str(mine))
    there = await slipway("push", str(mine), "--no-check")

    for said in (here, there):
        assert said.code == 1
        assert f"line {line}: socket may not be imported" in said.err


async def test_a_backtest_takes_the_candles_of_a_server(slipway: Terminal) -> None:
    mine = str(folder(slipway))
    database = db.connect(f"sqlite:///{slipway.data_dir / 'cli.db'}", RealClock())
    candles = walk(1_300)
    await database.write(add_candles, [Closed("fut:B-BTC_USDT", "1m", one) for one in candles])
    database.close()

    found = await slipway("backtest", mine, "--server", "--json")
    none = await slipway("backtest", mine, "--server", "--instrument", "spot:B-BTC_USDT")

    assert found.code == 0, found.err
    assert json.loads(found.out)["metrics"]["bars"] == 1_300
    assert "has no candles of spot:B-BTC_USDT 1m" in none.err


async def test_versions_that_are_not_there_are_named(slipway: Terminal) -> None:
    mine = str(folder(slipway))

    none = await slipway("diff", mine)
    await slipway("push", mine, "--no-check")
    other = await slipway("diff", mine, "--version", "7")

    assert "There is no strategy 'cross' there. Upload it first" in none.err
    assert "cross has no version 7. It has 1." in other.err
