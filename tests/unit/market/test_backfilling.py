"""The past of a real market, filled in stretch by stretch from the simulated exchange."""

import pytest

from control_plane.brokers.errors import VenueUnreachable
from control_plane.infra.db import Database
from control_plane.market import store
from control_plane.market.errors import MadeUpPrices
from control_plane.market.models.trades import MINUTE_MS
from control_plane.market.service.backfilling import Backfilling, keep
from control_plane.market.service.history import History
from control_plane.market.worker.live import FEED
from strategy_runtime.rules.instruments import Instrument
from tests.candles import walk
from tests.coindcx_sim.build import START_MS
from tests.coindcx_sim.faults import Fault
from tests.factories import future
from tests.fakes.clock import FakeClock
from tests.unit.market.live import Sea, clock_at_start

DAYS = 3
BTC = future()


@pytest.fixture
def clock() -> FakeClock:
    return clock_at_start()


@pytest.fixture
async def sea(memory: Database, clock: FakeClock) -> Sea:
    made = Sea(memory, clock)
    tape = made.exchange.world.tape
    tape.past("B-BTC_USDT", seed=1, minutes=DAYS * 1_440, until_ms=START_MS)
    await memory.write(store.list_instruments, [BTC], FEED)
    return made


async def minutes(memory: Database, instrument: Instrument = BTC, resolution: str = "1m") -> int:
    return len(await memory.read(store.latest_candles, instrument.id, resolution, 100_000))


async def test_every_minute_is_there_and_every_longer_candle(sea: Sea, memory: Database) -> None:
    told: list[tuple[int, int]] = []
    work = Backfilling(memory, History(sea.lanes), lambda done, of: told.append((done, of)))
    count = await work.fill(BTC, "1m", 2, sea.now())

    found = await memory.read(store.latest_candles, BTC.id, "1m", 100_000)
    begin, until = found[0].open_ms, found[-1].open_ms + MINUTE_MS
    truth = sea.truth(BTC.id, begin, until, found[0].close)
    assert [(c.open_ms, c.open, c.close, c.volume) for c in found] == [
        (c.open_ms, c.open, c.close, c.volume) for c in truth
    ]
    assert await minutes(memory, resolution="1h") == len(found) // 60
    assert count > len(found) > 2 * 1_440
    assert told[-1][0] == told[-1][1]


async def test_broken_off_it_goes_on_where_it_was(sea: Sea, memory: Database) -> None:
    sea.exchange.faults.script(Fault("accept_then_500"), path="/candlesticks", skip=1, times=1)
    work = Backfilling(memory, History(sea.lanes))
    with pytest.raises(VenueUnreachable):
        await work.fill(BTC, "1m", 2, sea.now())
    half, asked = await minutes(memory), sea.exchange.requests
    await work.fill(BTC, "1m", 2, sea.now())

    assert 0 < half < await minutes(memory)
    assert sea.exchange.requests - asked == 2  # the first of three stretches was whole


async def test_what_is_there_stays_as_it_is(sea: Sea, memory: Database) -> None:
    work = Backfilling(memory, History(sea.lanes))
    await work.fill(BTC, "1m", 2, sea.now())
    before = await memory.read(store.latest_candles, BTC.id, "1m", 100_000)
    assert await work.fill(BTC, "1m", 2, sea.now()) == 0
    assert await memory.read(store.latest_candles, BTC.id, "1m", 100_000) == before


async def test_simulated_prices_get_no_real_past(memory: Database, sea: Sea) -> None:
    other = future(id="fut:B-ETH_USDT")
    await memory.write(store.list_instruments, [other], "simulated")
    with pytest.raises(MadeUpPrices, match="simulated"):
        await Backfilling(memory, History(sea.lanes)).fill(other, "1m", 1, sea.now())
    with pytest.raises(MadeUpPrices):
        await memory.write(keep, other, "1m", walk(10))


async def test_candles_of_a_file_are_kept_beside_those_that_are_there(
    memory: Database, sea: Sea
) -> None:
    assert await memory.write(keep, BTC, "1m", walk(10)) == 10
    assert await memory.write(keep, BTC, "1m", walk(12)) == 2
