"""How the API answers while backtests are queued and run, beside how it answers without them.

    python -m benchmarks.jobs [--launcher docker|process] [--backtests 20] [--days 7]

One process is all of Slipway, with the demonstration's markets and strategies; a reader asks for
the deployments twenty times a second. A read leaves at its time whatever became of those before.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from control_plane.cli import session
from control_plane.cli.session import Api
from control_plane.client import Unreachable, calls
from control_plane.errors import SlipwayError

STRATEGY = "sma_cross"
PER_SECOND, IDLE_SECONDS = 20, 10
START_SECONDS, PORT = 120, 8_191
TARGET_MS = 100.0
OVER = ("done", "failed", "cancelled")


async def reads(api: Api, until: asyncio.Event) -> list[float]:
    """Milliseconds from when each was due to its answer."""
    loop = asyncio.get_running_loop()
    took: list[float] = []
    began, number = loop.time(), 0

    async def ask(due: float) -> None:
        await api.send(calls.list_deployments(limit=20))
        took.append((loop.time() - due) * 1000)

    async with asyncio.TaskGroup() as group:
        while not until.is_set():
            due = began + number / PER_SECOND
            await asyncio.sleep(max(0.0, due - loop.time()))
            group.create_task(ask(due))
            number += 1
    return took


async def measured(api: Api, count: int, days: int) -> tuple[list[float], list[float], float]:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.call_later(IDLE_SECONDS, over.set)
    idle = await reads(api, over)
    over.clear()
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(reads(api, over))
        for number in range(count):
            await api.send(
                calls.ask_backtest(strategy=STRATEGY, days=days, parameters={"slow": 20 + number})
            )
        left = count
        while left:
            await asyncio.sleep(0.5)
            found = (await api.send(calls.list_backtests(limit=count)))["items"]
            for one in found:
                if one["state"] in ("failed", "cancelled"):
                    raise SystemExit(f"a backtest {one['state']}: {one['reason']}")
            left = sum(one["state"] not in OVER for one in found)
        over.set()
    return idle, reading.result(), loop.time() - began


def started(slipway: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and slipway.poll() is None:
        try:
            session.address_of()
        except SlipwayError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("Slipway does not start")


async def ready(api: Api) -> None:
    """Until the demonstration's strategy has passed its check."""
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        try:
            found = await api.all(calls.list_deployments(limit=20))
        except (SlipwayError, Unreachable):
            found = []
        if any(one["name"] == STRATEGY and one["observed"] == "running" for one in found):
            return
        await asyncio.sleep(0.5)
    raise SystemExit(f"{STRATEGY} does not run after {START_SECONDS} s")


def told(name: str, took: list[float]) -> float:
    p99 = sorted(took)[int(len(took) * 0.99)]
    middle = statistics.median(took)
    print(f"{name:<24}{len(took):>7}{middle:>10.1f}{p99:>10.1f}{max(took):>10.0f}")
    return p99


def main() -> bool:
    given = argparse.ArgumentParser()
    given.add_argument("--launcher", default="docker")
    given.add_argument("--backtests", type=int, default=20)
    given.add_argument("--days", type=int, default=7)
    options = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        session.DATA_DIR.set(Path(folder))
        words = ("demo", "--port", str(PORT), "--launcher", options.launcher, "--speed", "1")
        slipway = subprocess.Popen(
            [sys.executable, "-m", "control_plane.cli", "--data-dir", folder, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            started(slipway)
            session.call(ready)
            idle, busy, seconds = session.call(
                lambda api: measured(api, options.backtests, options.days)
            )
        finally:
            slipway.terminate()
            slipway.wait(60)
    print(f"{'reads, in ms':<24}{'count':>7}{'p50':>10}{'p99':>10}{'worst':>10}")
    before = told("without backtests", idle)
    after = told(f"with {options.backtests} backtests", busy)
    print(f"  they took {seconds:.0f} s; p99 is {after / before:.1f} × as long", end="; ")
    print(f"target: p99 {TARGET_MS:g} ms; load {os.getloadavg()[0]:.1f}")
    return after <= TARGET_MS


if __name__ == "__main__":
    sys.exit(not main())
