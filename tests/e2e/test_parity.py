"""A container's decisions, decided again: by a replay of what it saw, and by a backtest."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from control_plane.cli.recorded import Voyage, voyage
from control_plane.cli.replaying import compared
from control_plane.cli.session import Api
from control_plane.client import AsyncClient
from control_plane.infra import operator
from strategy_runtime.backtest.author import Subject, opened
from strategy_runtime.backtest.comparing import told
from strategy_runtime.engine.sweep import sweep
from strategy_runtime.sdk.bars import bars_of
from strategy_runtime.wire.resolutions import trigger_open
from tests.conftest import wait_until
from tests.fakes.harbour import Harbour

TEMPLATES = Path(__file__).parents[2] / "strategy_templates"
STYLES = {"sma_cross": "fast=3", "older_class": None, "older_function": None}
DECISIONS = 60

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.redis,
    pytest.mark.docker,
    pytest.mark.timeout(400),
]


def slipway(harbour: Harbour, *words: str, seconds: float = 60) -> Any:
    said = harbour.command(*words, "--json", seconds=seconds)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def launch(harbour: Harbour, name: str, parameter: str | None) -> None:
    folder = harbour.folder / name
    shutil.copytree(TEMPLATES / name, folder)
    slipway(harbour, "push", str(folder), "--no-check", seconds=180)
    words = ["deploy", name, "--name", name, "--resolution", "1m"]
    slipway(harbour, *words, *(("-p", parameter) if parameter else ()))


async def voyages(harbour: Harbour) -> dict[str, Voyage]:
    found = operator.find(harbour.data_dir)
    async with AsyncClient(found.address, found.token) as client:
        return {name: await voyage(Api(client), name) for name in STYLES}


@pytest.mark.parametrize("harbour", ["docker"], indirect=True)
async def test_each_style_decides_in_a_container_as_in_a_replay_and_a_backtest(
    harbour: Harbour,
) -> None:
    harbour.settings["SLIPWAY_JOBS__CHECK_SECONDS"] = "600"  # of a machine that does much besides
    harbour.start("up", "--speed", "300")
    await harbour.ready(180)  # the image may have to be made first
    for name, parameter in STYLES.items():
        launch(harbour, name, parameter)

    def decisions(name: str) -> list[dict[str, Any]]:
        return list(slipway(harbour, "executions", name, "--limit", "500"))

    def all_decided(count: int) -> bool:
        return all(len(decisions(name)) >= count for name in STYLES)

    def all_signalled() -> bool:
        """When depends on what the market does just now."""
        return all(any(one["outcome"] == "signal" for one in decisions(n)) for n in STYLES)

    await wait_until(lambda: all_decided(DECISIONS // 3), 120, "some decisions")
    slipway(harbour, "restart", "sma_cross")  # a new process, with what is durable
    await wait_until(lambda: all_decided(DECISIONS), 120, "every decision")
    await wait_until(all_signalled, 120, "a signal of each")
    for name in STYLES:
        slipway(harbour, "stop", name)

    for name, found in (await voyages(harbour)).items():
        said = compared(found)
        assert said["differences"] == said["missing"] == [], name
        assert said["compared"] >= DECISIONS
        assert said["signals"] > 0, name
        assert swept(found) == {
            trigger: one for trigger, one in found.recorded.items() if one.signals
        }
        assert slipway(harbour, "replay", "--deployment", name)["differences"] == []
    assert harbour.stop() == 0


def swept(found: Voyage) -> dict[str, Any]:
    """What a backtest over the same candles says, by trigger."""
    one = found.deployment
    subject = Subject(one["name"], Path(), found.code, one["parameters"], found.manifest)
    kind, setting = opened(subject, instrument=one["instrument"], resolution=one["resolution"])
    bars = bars_of(one["resolution"], found.candles[one["resolution"]])
    first = int(bars.open_ms.searchsorted(min(map(trigger_open, found.recorded))))
    decisions = sweep(kind, setting, bars, first=first).decisions
    return {decision.trigger: told(decision) for _, decision in decisions if decision.signals}
