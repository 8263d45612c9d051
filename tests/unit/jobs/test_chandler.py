"""Candles for a job: read from the table once, and again only if they are others by now."""

from pathlib import Path

import pytest

from control_plane.infra.db import Database
from control_plane.jobs.errors import BadJob
from control_plane.jobs.models.job import CandlesWish
from control_plane.jobs.worker.chandler import KEPT_SECONDS, Chandler
from control_plane.market import store
from control_plane.market.models.trades import MINUTE_MS, Closed
from strategy_runtime.jobs.candles import opened
from strategy_runtime.wire.messages import Candle
from tests.candles import walk
from tests.factories import spot
from tests.fakes.clock import FakeClock

BTC = spot().id
MADE = walk(300)


def wish(count: int = 300, skip: int = 0) -> CandlesWish:
    first = MADE[0].open_ms
    since, until = first + skip * MINUTE_MS, first + count * MINUTE_MS
    return CandlesWish("stored", BTC, ("1m",), since, until)


@pytest.fixture
async def chandler(memory: Database, clock: FakeClock, tmp_path: Path) -> Chandler:
    await memory.write(store.list_instruments, [spot()], "simulated")
    await keep(memory, [*MADE[:100], *MADE[101:]])
    return Chandler(memory, clock, tmp_path / "candles", 1_000)


async def keep(memory: Database, candles: list[Candle]) -> None:
    await memory.write(store.add_candles, [Closed(BTC, "1m", one) for one in candles])


async def test_what_was_supplied_is_supplied_again_without_being_read(chandler: Chandler) -> None:
    first = await chandler.supply(wish())
    node = first.path.stat().st_ino
    again = await chandler.supply(wish())
    assert (again, again.path.stat().st_ino) == (first, node)
    other = await chandler.supply(wish(200))
    assert other != first
    assert len(opened(first.path, first.sha256)["1m"]) == 299


async def test_a_candle_that_came_since_is_in_the_next_file(
    chandler: Chandler, memory: Database
) -> None:
    first = await chandler.supply(wish())
    await keep(memory, [MADE[100]])
    again = await chandler.supply(wish())
    assert len(opened(again.path, again.sha256)["1m"]) == 300
    assert again.sha256 != first.sha256


async def test_another_past_of_the_same_length_is_another_file(
    chandler: Chandler, memory: Database
) -> None:
    first = await chandler.supply(wish())
    await memory.write(store.forget_candles, BTC, MADE[-1].open_ms + 101 * 86_400_000)
    await keep(memory, [*walk(300, seed=9)[:100], *walk(300, seed=9)[101:]])
    again = await chandler.supply(wish())
    assert again.sha256 != first.sha256
    assert len(opened(again.path, again.sha256)["1m"]) == 299


async def test_a_file_that_was_tidied_away_is_made_again(
    chandler: Chandler, clock: FakeClock
) -> None:
    first = await chandler.supply(wish())
    await clock.advance(KEPT_SECONDS + 1)
    kept = await chandler.supply(wish())  # young again
    await chandler.tidy(())
    assert kept.path.exists()
    await clock.advance(KEPT_SECONDS + 1)
    await chandler.tidy(())
    assert not kept.path.exists()
    assert await chandler.supply(wish()) == first
    assert first.path.exists()


async def test_a_range_without_candles_is_refused_each_time(chandler: Chandler) -> None:
    for _ in range(2):
        with pytest.raises(BadJob, match="no 1m candles"):
            await chandler.supply(wish(2_000, skip=1_000))
