"""A Slipway on a Redis that is not its own, and on either database."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import wait_until
from tests.fakes.harbour import Harbour
from tests.services import REDIS_URL

pytestmark = [
    pytest.mark.db,
    pytest.mark.e2e,
    pytest.mark.redis_url,
    pytest.mark.timeout(240),
]

TEMPLATES = Path(__file__).resolve().parents[2] / "strategy_templates"


@pytest.fixture
def harbour(tmp_path: Path, database_url: str) -> Iterator[Harbour]:
    made = Harbour(
        tmp_path,
        settings={
            "SLIPWAY_DATABASE_URL": database_url,
            "SLIPWAY_REDIS_URL": os.environ[REDIS_URL],
            "SLIPWAY_MARKET__SPEED": "120",
        },
    )
    yield made
    made.end()


async def test_a_strategy_signals_over_servers_that_are_not_slipway_s_own(harbour: Harbour) -> None:
    harbour.start()
    await harbour.ready()
    run(harbour, "strategies", "upload", str(TEMPLATES / "sma_cross" / "strategy.py"))
    run(harbour, "deploy", "strategy", "--name", "crossing")

    await wait_until(lambda: counts(harbour)["signals"] >= 1, 120, "the first signal")

    assert not (harbour.data_dir / "redis.pid").exists()


def run(harbour: Harbour, *arguments: str) -> str:
    done = harbour.command(*arguments)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def counts(harbour: Harbour) -> dict[str, int]:
    found: dict[str, int] = json.loads(run(harbour, "status", "--json"))["counts"]
    return found
