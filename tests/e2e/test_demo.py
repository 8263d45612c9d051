"""`slipway demo` as a newcomer sees it: in a minute a signal is a trade, and Ctrl-C ends it all."""

import json
from typing import Any

import httpx
import pytest

from tests.conftest import wait_until
from tests.e2e.ledger import Ledger
from tests.fakes.harbour import Harbour

pytestmark = [pytest.mark.e2e, pytest.mark.redis, pytest.mark.timeout(240)]


def counts(harbour: Harbour) -> dict[str, int]:
    answer = harbour.command("status", "--json")
    assert answer.returncode == 0, answer.stderr
    found: dict[str, int] = json.loads(answer.stdout)["counts"]
    return found


async def test_the_demo_trades_within_a_minute_and_ends_with_ctrl_c(harbour: Harbour) -> None:
    harbour.start("demo", "--speed", "60")
    await harbour.ready()
    await wait_until(lambda: counts(harbour)["trades"] > 0, 60, "a trade")
    await wait_until(lambda: counts(harbour)["deployments"] >= 3, 60, "three deployments")

    seen = counts(harbour)
    assert seen["deployments"] >= 3
    assert seen["signals"] > 0
    assert seen["orders"] > 0

    page = httpx.get(f"http://127.0.0.1:{harbour.port}/")
    assert page.status_code == 200
    assert "Slipway" in page.text

    def counted() -> Any:
        (found,) = json.loads(harbour.command("fleet", "nodes", "--json").stdout)
        return found

    await wait_until(lambda: counted()["containers"] == len(harbour.fleet()), 30, "a new census")
    machine = counted()
    assert (machine["launcher"], machine["state"]) == (harbour.launcher, "ready")
    assert 0 < machine["promised_mb"] < machine["memory_mb"]

    assert harbour.stop() == 0
    assert harbour.processes() == []
    Ledger(harbour.data_dir).check()


async def test_a_killed_control_plane_adopts_its_fleet_and_loses_nothing(
    harbour: Harbour,
) -> None:
    harbour.start("demo", "--speed", "60")
    await harbour.ready()
    ledger = Ledger(harbour.data_dir)
    await wait_until(lambda: ledger.count("execution") >= 20, 60, "twenty executions")
    await wait_until(lambda: ledger.count("trade") > 0, 60, "a trade")

    harbour.kill()
    fleet = harbour.fleet()
    assert fleet, "containers outlive the control plane"
    before = ledger.count("execution")

    harbour.start("up", "--speed", "60")
    await harbour.ready()
    await wait_until(lambda: ledger.count("execution") >= before + 20, 60, "further executions")
    trades = ledger.count("trade")
    await wait_until(lambda: ledger.count("trade") > trades, 90, "a further trade")

    assert harbour.fleet() == fleet, "adopted, neither doubled nor replaced"
    assert harbour.stop() == 0
    ledger.check()


@pytest.mark.long
async def test_redis_lost_and_started_empty_costs_nothing(harbour: Harbour) -> None:
    harbour.start("demo", "--speed", "60")
    await harbour.ready()
    ledger = Ledger(harbour.data_dir)
    await wait_until(lambda: ledger.count("execution") >= 20, 60, "twenty executions")
    fleet = harbour.fleet()

    harbour.kill_redis()
    before = ledger.count("execution")
    await wait_until(lambda: ledger.count("execution") >= before + 30, 60, "further executions")

    assert harbour.fleet() == fleet, "nothing had to be restarted for it"
    assert harbour.stop() == 0
    ledger.check()


async def test_the_fleet_is_left_running_when_asked_and_taken_down_later(harbour: Harbour) -> None:
    harbour.start("demo", "--speed", "60", "--keep-fleet")
    await harbour.ready()
    ledger = Ledger(harbour.data_dir)
    await wait_until(lambda: ledger.count("execution") > 0, 60, "an execution")

    assert harbour.stop() == 0
    assert harbour.fleet()

    down = harbour.command("down")
    assert down.returncode == 0, down.stderr
    assert harbour.processes() == []
