"""Each role in a process of its own, on one data folder: together they are one Slipway."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import wait_until
from tests.e2e.ledger import Ledger
from tests.fakes.harbour import Harbour

pytestmark = [pytest.mark.e2e, pytest.mark.redis, pytest.mark.long, pytest.mark.timeout(240)]

ROLES = ("fleet", "trading", "market", "api")  # the one that makes the first user comes last

SWINGS = """
from strategy_runtime import BaseStrategy, param


class Swings(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "1m"
    every: int = param(2, ge=1, le=50)

    def on_candle(self, candle):
        count = self.state["count"] = self.state.get("count", 0) + 1
        if count % (2 * self.every) == 0:
            return self.exit_long()
        if count % self.every == 0:
            return self.long(stop_loss=candle.close * 0.9)
"""

SULKS = """
from strategy_runtime import BaseStrategy, param


class Sulks(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "1m"
    is_in_a_mood: bool = param(False)  # as its check does not see it

    def on_start(self):
        if self.is_in_a_mood:
            raise ValueError("not today")

    def on_candle(self, candle):
        return None
"""


@pytest.fixture
def harbours(tmp_path: Path) -> Iterator[dict[str, Harbour]]:
    made: dict[str, Harbour] = {}
    for role in ROLES:
        made[role] = Harbour(
            tmp_path, settings={"SLIPWAY_ROLES": role, "SLIPWAY_MARKET__SPEED": "120"}
        )
    yield made
    for one in made.values():
        if one.process is not None:
            one.stop()
    made["api"].end()


async def test_four_processes_turn_a_signal_into_a_trade_and_change_course(
    harbours: dict[str, Harbour],
) -> None:
    for one in harbours.values():
        one.start()
    api = harbours["api"]
    await api.ready()
    ledger = Ledger(api.data_dir)

    upload(api, "swings", SWINGS)
    upload(api, "sulks", SULKS)
    run(api, "deploy", "swings", "--name", "swings")
    run(api, "deploy", "sulks", "--name", "sulks", "--parameter", "is_in_a_mood=true")
    run(api, "accounts", "open", "practice")
    run(api, "subscribe", "swings", "--account", "practice", "--capital", "1000", "--risk", "0.01")
    await wait_until(lambda: ledger.count("trade") >= 2, 60, "two trades")

    await wait_until(lambda: of(api, "sulks")["observed"] == "failed", 30, "the other's failure")
    assert "ValueError: not today" in of(api, "sulks")["reason"]

    before = ledger.count("execution")
    identity = of(api, "swings")["id"]
    await api.call("PATCH", f"/deployments/{identity}", {"parameters": {"every": 3}})
    taken_over = "SELECT 1 FROM deployment WHERE active_generation = 2"
    await wait_until(lambda: bool(ledger.rows(taken_over)), 30, "the new generation's turn")
    await wait_until(lambda: len(api.fleet()) == 1, 30, "the old one's end")
    await wait_until(lambda: ledger.count("execution") > before + 10, 30, "its decisions")

    run(api, "delete", "swings")
    await wait_until(lambda: api.fleet() == [], 30, "its process's end")
    assert [row["name"] for row in status(api)["deployments"]] == ["sulks"]

    ledger.check()
    assert loose_files(api.data_dir) == []


def upload(harbour: Harbour, name: str, code: str) -> None:
    file = harbour.folder / f"{name}.py"
    file.write_text(code)
    run(harbour, "strategies", "upload", str(file))


def run(harbour: Harbour, *arguments: str) -> str:
    done = harbour.command(*arguments)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def status(harbour: Harbour) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(harbour, "status", "--json"))
    return found


def of(harbour: Harbour, name: str) -> dict[str, Any]:
    return next(row for row in status(harbour)["deployments"] if row["name"] == name)


def loose_files(folder: Path) -> list[str]:
    """What somebody else on this machine could read."""
    return [str(p) for p in folder.rglob("*") if p.is_file() and p.stat().st_mode & 0o077]
