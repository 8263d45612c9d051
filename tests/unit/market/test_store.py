from dataclasses import replace
from decimal import Decimal

import pytest

from control_plane.core.clock import MarketTime, ms
from control_plane.errors import Missing
from control_plane.infra import events
from control_plane.infra.db import Database, Tx
from control_plane.market import service, store
from control_plane.market.models.catalogue import LISTINGS
from control_plane.market.models.trades import Closed
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import Resolution
from tests.fakes.clock import FakeClock

CATALOGUE = [listing.instrument for listing in LISTINGS]
BTC = "spot:B-BTC_USDT"


def candle(minute: int, close: float = 2.0) -> Closed:
    return Closed(
        BTC, "1m", Candle(minute * 60_000, 1.0, 3.0, 0.5, close, 4.25, minute, 77, minute % 2 == 0)
    )


async def test_instruments_come_back_as_they_were_listed(memory: Database) -> None:
    await memory.write(store.list_instruments, CATALOGUE, "simulated")

    found = await memory.read(service.instruments)
    assert sorted(found, key=lambda one: one.id) == sorted(CATALOGUE, key=lambda one: one.id)


async def test_a_changed_rule_raises_the_version_once(memory: Database) -> None:
    changed = [replace(CATALOGUE[0], tick_size=Decimal("0.5")), *CATALOGUE[1:]]
    for listed in (CATALOGUE, changed, changed):
        await memory.write(store.list_instruments, listed, "simulated")

    found = await memory.read(service.instrument, CATALOGUE[0].id)
    assert (found.version, found.tick_size) == (2, Decimal("0.5"))
    kinds = [event["kind"] for event in await memory.read(events.latest, 50)]
    assert kinds.count("instrument_changed") == 1


async def test_an_instrument_that_its_feed_dropped_is_no_longer_offered(memory: Database) -> None:
    await memory.write(store.list_instruments, CATALOGUE, "simulated")
    await memory.write(store.list_instruments, CATALOGUE[1:], "simulated")

    assert CATALOGUE[0].id not in [one.id for one in await memory.read(service.instruments)]
    assert not (await memory.read(service.instrument, CATALOGUE[0].id)).active


async def test_an_unknown_instrument_is_missing(memory: Database) -> None:
    with pytest.raises(Missing, match="spot:NOPE"):
        await memory.read(service.instrument, "spot:NOPE")


async def test_a_stored_candle_is_never_repainted(memory: Database) -> None:
    await memory.write(store.add_candles, [candle(1), candle(2)])
    await memory.write(store.add_candles, [candle(2, close=99.0), candle(3)])

    found = await memory.read(service.candles, BTC, "1m")
    assert found == [candle(n).candle for n in (1, 2, 3)]


async def test_the_newest_candles_come_oldest_first_and_within_bounds(memory: Database) -> None:
    await memory.write(store.add_candles, [candle(n) for n in range(10)])

    def opens(tx: Tx, /, **bounds: int) -> list[int]:
        return [one.seq for one in service.candles(tx, BTC, "1m", **bounds)]

    assert await memory.read(opens, limit=3) == [7, 8, 9]
    assert await memory.read(opens, since_ms=120_000, until_ms=300_000) == [2, 3, 4]


async def test_short_candles_are_forgotten_after_their_time_and_long_ones_kept(
    memory: Database,
) -> None:
    day = 24 * 60
    shown: list[Resolution] = ["1m", "5m", "1h"]
    old = [Closed(BTC, resolution, candle(day).candle) for resolution in shown]
    await memory.write(store.add_candles, [*old, candle(200 * day)])
    await memory.write(store.forget_candles, BTC, 200 * day * 60_000)

    counts = [len(await memory.read(service.candles, BTC, r)) for r in shown]
    assert counts == [1, 1, 1]
    assert (await memory.read(service.candles, BTC, "1m"))[0].seq == 200 * day


async def test_the_longest_wish_for_a_history_counts_until_it_is_withdrawn(
    memory: Database,
) -> None:
    await memory.write(service.want, BTC, "5m", 50, "dep1")
    await memory.write(service.want, BTC, "5m", 400, "dep2")
    await memory.write(service.want, BTC, "5m", 500, "dep2")
    assert await memory.read(store.wanted) == {(BTC, "5m"): 500}

    await memory.write(service.unwant, "dep2")
    assert await memory.read(store.wanted) == {(BTC, "5m"): 50}
    await memory.write(service.unwant, "dep1")
    assert await memory.read(store.wanted) == {}


async def test_market_time_runs_at_its_feeds_speed(memory: Database, clock: FakeClock) -> None:
    time = MarketTime(1_000_000, ms(clock.now()), 60.0)
    await memory.write(store.list_instruments, CATALOGUE, "simulated")
    await memory.write(store.keep_time, "simulated", time, 7, "first start")
    clock.seconds += 2

    assert await memory.read(service.market_now_ms, BTC) == 1_120_000
    assert await memory.read(service.market_now_ms) == 1_120_000


async def test_before_its_feed_first_ran_a_market_has_the_time_of_day(
    memory: Database, clock: FakeClock
) -> None:
    assert await memory.read(service.market_now_ms, BTC) == ms(clock.now())


async def test_a_long_catalogue_costs_no_look_at_what_nobody_wants(memory: Database) -> None:
    listed = [replace(CATALOGUE[0], id=f"spot:B-C{n}_USDT") for n in range(50)]
    await memory.write(store.list_instruments, listed, "coindcx")
    past = [Closed(one.id, "1m", Candle(60_000, 1.0, 1.0, 1.0, 1.0, 1.0, 1)) for one in listed[:2]]
    await memory.write(store.add_candles, past)
    await memory.write(service.want, listed[0].id, "1m", 10, "dp1")

    assert set(await memory.read(store.last_closes)) == {listed[0].id}
    found = await memory.read(service.instruments_among, [listed[3].id, "spot:NOPE"])
    assert [one.id for one in found] == [listed[3].id]
