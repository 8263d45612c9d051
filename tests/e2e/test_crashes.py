"""One installation is killed at every dangerous point in turn: in the end its ledger balances."""

import os
import signal
import subprocess

import pytest

from control_plane.infra.failpoints import NAMES
from tests.conftest import wait_until
from tests.e2e.ledger import Ledger
from tests.fakes.harbour import Harbour

pytestmark = [pytest.mark.e2e, pytest.mark.redis, pytest.mark.long, pytest.mark.timeout(600)]

# In this order, and how many times each is passed before: a launch that was broken off is begun
# again by the next start, and so on until all three strategies run.
ROUTE = {
    "job.before_create": 0,
    "job.after_create": 1,
    "job.after_start": 1,
    "job.after_chunk_commit": 0,
    "job.after_result_commit": 0,
    "launch.before_create": 0,
    "launch.after_create": 0,
    "launch.after_start": 0,
    "launch.before_record": 0,
    "lease.after_acquire": 3,
    "lease.before_renew": 3,
    "signal.before_inbox": 3,
    "signal.after_inbox_commit": 3,
    "signal.before_ack": 3,
    "risk.before_commit": 1,
    "fanout.after_k_intents": 1,
    "send.after_wal_commit": 1,
    "send.before_socket_write": 1,
    "send.after_socket_write": 1,
    "reconcile.before_bind": 0,  # of the order that this one left in doubt
    "send.after_reply": 1,
    "send.after_record": 1,
    "protect.before_sl": 1,
    "reconcile.before_look": 0,
    "reconcile.after_look": 0,
    "exit.after_send": 1,
}

# Of `slipway keys rotate`, and of stop orders, which the demo's spot markets have none of.
ELSEWHERE = {"kek.after_rewrap_row", "protect.after_sl_reply", "cancel.after_send"}


async def test_killed_at_every_dangerous_point_nothing_is_lost_or_doubled(
    lone_harbour: Harbour,
) -> None:
    assert ROUTE.keys() == NAMES - ELSEWHERE
    harbour = lone_harbour
    harbour.settings["SLIPWAY_TIME_SCALE"] = "0.2"
    for point, passes in ROUTE.items():
        if point == "launch.before_create":  # whatever the jobs' points left running
            for process in harbour.fleet():
                os.kill(int(process), signal.SIGKILL)
        harbour.settings["SLIPWAY_FAILPOINTS"] = f"{point}=kill@{passes}"
        harbour.start("demo", "--speed", "120")
        assert died(harbour), f"nothing passed {point}"

    del harbour.settings["SLIPWAY_FAILPOINTS"]
    ledger = Ledger(harbour.data_dir)
    executions, trades = ledger.count("execution"), ledger.count("trade")
    harbour.start("demo", "--speed", "120")
    await wait_until(lambda: ledger.count("execution") >= executions + 30, 60, "more executions")
    await wait_until(lambda: ledger.count("trade") > trades, 60, "another trade")
    # One that was broken off may only now be launched again.
    await wait_until(lambda: len(harbour.fleet()) == 3, 60, "the third strategy")

    assert harbour.stop() == 0
    ledger.check()


@pytest.mark.docker
async def test_killed_at_each_point_of_a_launch_no_container_is_doubled_or_left(
    docker_harbour: Harbour,
) -> None:
    """G14, on an engine: what was made and not written down is found by its labels."""
    harbour = docker_harbour
    points = [point for point in ROUTE if point.startswith("launch.")]
    assert set(points) == {name for name in NAMES if name.startswith("launch.")}
    for point in points:
        harbour.settings["SLIPWAY_FAILPOINTS"] = f"{point}=kill"
        harbour.start("demo", "--speed", "60")
        assert died(harbour), f"nothing passed {point}"
        assert twice(harbour) == [], f"a twin after {point}"

    del harbour.settings["SLIPWAY_FAILPOINTS"]
    ledger = Ledger(harbour.data_dir)
    harbour.start("demo", "--speed", "60")
    decided = "SELECT count(DISTINCT deployment_id) FROM execution"
    await wait_until(lambda: ledger.rows(decided) == [(3,)], 90, "decisions of all three")

    alive = "SELECT container FROM generation WHERE state IN ('launching', 'live')"
    kept = [row[0] for row in ledger.rows(alive)]
    assert sorted(kept) == harbour.fleet(), "one for each, and nothing else of ours"
    assert len(kept) == 3
    assert harbour.stop() == 0
    assert harbour.processes() == []
    ledger.check()


def twice(harbour: Harbour) -> list[str]:
    """Deployments of which more than one container runs."""
    name = (harbour.data_dir / "installation").read_text().strip()
    shown = subprocess.run(
        [
            *("docker", "ps", "--filter", f"label=slipway.installation={name}"),
            *("--format", '{{.Label "slipway.deployment"}}'),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    found = shown.stdout.split()
    return [one for one in found if found.count(one) > 1]


def died(harbour: Harbour) -> bool:
    assert harbour.process is not None
    try:
        return harbour.process.wait(60) < 0
    except subprocess.TimeoutExpired:
        return False
