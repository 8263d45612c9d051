"""A strategy that signals on every candle is upgraded again and again: each candle has exactly one
signal. SLIPWAY_UPGRADES says how many times; `make soak` asks for twenty.
"""

import os
from functools import partial

import pytest
from sqlalchemy import select

from control_plane.core.ids import DeploymentId
from control_plane.deployments.models.status import Change
from control_plane.infra.db import Tx
from control_plane.signals.store.tables import executions, signals
from tests.conftest import wait_until
from tests.e2e.test_hostile import ME, MINUTE, Whole, slipway

__all__ = ["slipway"]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.docker,
    pytest.mark.redis,
    pytest.mark.long,
    pytest.mark.timeout(300),
]

TIMES = int(os.environ.get("SLIPWAY_UPGRADES", "4"))
TALKS = """
from strategy_runtime import BaseStrategy, param


class Talks(BaseStrategy):
    instrument = "spot:B-BTC_USDT"
    resolution = "1m"
    build: int = param(0, ge=0, le=1000)

    def on_candle(self, candle):
        if self.position.is_long:
            return self.exit_long(reason=f"build {self.build}")
        return self.long(stop_loss=candle.close * 0.5, reason=f"build {self.build}")
"""


async def test_each_candle_has_exactly_one_signal_through_all_upgrades(slipway: Whole) -> None:
    await slipway.strategies.upload(ME, "talks", TALKS)
    one = await slipway.deploy("talks", TALKS)
    await slipway.until(one, "running")

    for number in range(1, TIMES + 1):
        code = TALKS.replace("param(0,", f"param({number},")
        await slipway.strategies.upload(ME, "talks", code)
        await slipway.use.change(ME, one.id, Change("talks", {"build": number}))
        await wait_until(partial(_leads, slipway, one.id, number + 1), 60, f"upgrade {number}")
    count = len(await slipway.decided(one))
    await wait_until(lambda: _has(slipway, one.id, count + 3), 30, "three more candles")

    decided, said = await slipway.app.machinery.db.read(_said, one.id)
    assert decided == list(range(decided[0], decided[-1] + MINUTE, MINUTE))
    assert sorted(opened for opened, _ in said) == decided
    builds = [reason for _, reason in sorted(said)]
    assert builds == sorted(builds, key=lambda text: int(text.removeprefix("build ")))
    assert builds[-1] == f"build {TIMES}"
    print(f"\n{TIMES} upgrades over {len(decided)} candles, one signal each")


async def _leads(slipway: Whole, deployment: DeploymentId, generation: int) -> bool:
    """The new one decides, and the old one is gone."""
    status = await slipway.use.get(ME, deployment)
    return status.active_generation == generation and status.reason != "a new launch takes over"


async def _has(slipway: Whole, deployment: DeploymentId, count: int) -> bool:
    decided, _ = await slipway.app.machinery.db.read(_said, deployment)
    return len(decided) >= count


def _said(tx: Tx, deployment: str) -> tuple[list[int], list[tuple[int, str]]]:
    decided = tx.all(
        select(executions.c.trigger_open_ms).where(executions.c.deployment_id == deployment)
    )
    said = tx.all(
        select(signals.c.trigger_open_ms, signals.c.reason).where(
            signals.c.deployment_id == deployment
        )
    )
    return (
        sorted(row.trigger_open_ms for row in decided),
        [(row.trigger_open_ms, row.reason) for row in said],
    )
