"""Whatever happens, in whatever order: no order doubled or lost, no position forgotten, no money
unaccounted for. One integer replays a history.
"""

import pytest

from control_plane.infra.db import Database
from tests.factories import future, spot
from tests.fakes.clock import FakeClock
from tests.unit.orders.histories import check, history

# 3 and 103 once found faults.
SPOT = (0, 3)
FUTURES = (1, 103)


@pytest.mark.parametrize("seed", SPOT)
async def test_a_spot_history_ends_in_order(memory: Database, clock: FakeClock, seed: int) -> None:
    await check(await history(memory, clock, spot(), seed))


@pytest.mark.parametrize("seed", FUTURES)
async def test_a_futures_history_ends_in_order(
    memory: Database, clock: FakeClock, seed: int
) -> None:
    await check(await history(memory, clock, future(), seed))
