"""Several feeds, one instrument: which of them it comes from, and that their pasts never mix."""

from dataclasses import replace
from decimal import Decimal

from control_plane.infra import events
from control_plane.infra.db import Database
from control_plane.market import store
from control_plane.market.models.choice import Choice
from control_plane.market.models.trades import Closed
from strategy_runtime.wire.messages import Candle
from tests.factories import future, spot

BTC, PERPETUAL = spot(), future()
REAL_FIRST = Choice(("coindcx", "simulated"))
PRETENDED_FIRST = Choice(("simulated", "coindcx"))


async def feeds(memory: Database) -> dict[str, str | None]:
    return {one.id: await memory.read(store.feed_of, one.id) for one in (BTC, PERPETUAL)}


async def test_the_first_of_the_list_has_what_several_list(memory: Database) -> None:
    for feed in ("simulated", "coindcx", "simulated"):
        await memory.write(store.list_instruments, [BTC], feed, REAL_FIRST)
    assert (await feeds(memory))[BTC.id] == "coindcx"


async def test_a_later_feed_leaves_the_first_what_it_has(memory: Database) -> None:
    await memory.write(store.list_instruments, [BTC], "simulated", PRETENDED_FIRST)
    await memory.write(store.list_instruments, [BTC, PERPETUAL], "coindcx", PRETENDED_FIRST)
    assert await feeds(memory) == {BTC.id: "simulated", PERPETUAL.id: "coindcx"}


async def test_one_instrument_may_be_chosen_by_hand(memory: Database) -> None:
    by_hand = Choice(("simulated", "coindcx"), {BTC.id: "coindcx"})
    await memory.write(store.list_instruments, [BTC, PERPETUAL], "simulated", PRETENDED_FIRST)
    for feed in ("coindcx", "simulated"):
        await memory.write(store.list_instruments, [BTC, PERPETUAL], feed, by_hand)
    assert await feeds(memory) == {BTC.id: "coindcx", PERPETUAL.id: "simulated"}


async def test_another_feeds_past_is_forgotten(memory: Database) -> None:
    await memory.write(store.list_instruments, [BTC, PERPETUAL], "simulated")
    candle = Candle(60_000, 1.0, 2.0, 0.5, 1.5, 3.0, 1)
    past = [Closed(one.id, "1m", candle) for one in (BTC, PERPETUAL)]
    await memory.write(store.add_candles, past)

    await memory.write(store.list_instruments, [BTC], "coindcx", REAL_FIRST)
    assert await memory.read(store.last_minute, BTC.id) is None
    assert await memory.read(store.last_minute, PERPETUAL.id) == candle
    kinds = [event["kind"] for event in await memory.read(events.latest, 5)]
    assert "instrument_feed_changed" in kinds


async def test_what_no_feed_of_ours_lists_is_offered_no_longer(memory: Database) -> None:
    await memory.write(store.list_instruments, [BTC], "coindcx", REAL_FIRST)
    await memory.write(store.retire_feeds, ("simulated",))
    assert await memory.read(store.active_instruments) == []


async def test_bands_and_market_caps_come_back_as_they_were_listed(memory: Database) -> None:
    ruled = replace(
        PERPETUAL,
        min_price=Decimal("4000"),
        max_price=Decimal("800000"),
        max_market_quantity=Decimal("120"),
        band_up=Decimal("0.04"),
        band_down=Decimal("0.04"),
    )
    await memory.write(store.list_instruments, [ruled], "coindcx")
    assert await memory.read(store.find_instrument, PERPETUAL.id) == ruled


async def test_a_lag_is_told_when_it_begins_and_when_it_ends(memory: Database) -> None:
    for reason in ("silent", "silent", None, None):
        await memory.write(store.put_lag, BTC.id, "coindcx", reason)
    kinds = [event["kind"] for event in await memory.read(events.latest, 5)]
    assert kinds == ["instrument_caught_up", "instrument_lagging"]
    assert await memory.read(store.lag_of, BTC.id) is None
