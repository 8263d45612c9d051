"""The exchange's rulebook as our catalogue: read anew, contracts one by one, and never lost."""

from decimal import Decimal

import pytest

from control_plane.infra import events
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.market import service, store
from control_plane.market.models.choice import Choice
from control_plane.market.worker.listing import Lister
from control_plane.market.worker.live import FEED
from tests.coindcx_sim.faults import Fault
from tests.fakes.clock import FakeClock
from tests.unit.market.live import Sea, clock_at_start

PERPETUAL = "fut:B-BTC_USDT"


@pytest.fixture
def clock() -> FakeClock:
    return clock_at_start()


@pytest.fixture
async def sea(memory: Database, clock: FakeClock) -> Sea:
    return Sea(memory, clock)


async def lister(sea: Sea) -> Lister:
    leases = Leases("market", "test", "here", sea.db, sea.clock, Failpoints(sea.clock), 1e5)
    await leases.once()

    async def wanted() -> set[str]:
        return {PERPETUAL}

    return Lister(sea.db, sea.clock, leases, sea.lanes, Choice((FEED,)), 600.0, wanted)


async def kinds(memory: Database) -> list[str]:
    return [event["kind"] for event in await memory.read(events.latest, 200)]


async def test_every_market_and_contract_is_listed_with_its_rules(
    sea: Sea, memory: Database
) -> None:
    await (await lister(sea)).once()
    found = {one.id: one for one in await memory.read(store.active_instruments, FEED)}
    assert len(found) == 11
    btc = found[PERPETUAL]
    assert (btc.min_price, btc.max_market_quantity) == (Decimal(4000), Decimal(120))
    assert btc.band_up == btc.band_down == Decimal("0.04")
    assert found["spot:I-ETH_INR"].order_types == ("limit",)


async def test_names_resolve_both_ways(sea: Sea, memory: Database) -> None:
    """What a person types finds the pair, and a pair's market name finds the pair again."""
    await (await lister(sea)).once()
    for one in await memory.read(store.active_instruments, FEED):
        assert await memory.read(service.resolve, one.id) == one.id
        if not one.is_futures and one.pair.startswith("I-"):
            assert await memory.read(service.resolve, one.base + one.quote) == one.id
            assert await memory.read(service.resolve, f"{one.base}/{one.quote}") == one.id


async def test_a_rule_that_changed_is_told_and_a_dynamic_band_is_not(
    sea: Sea, memory: Database
) -> None:
    made = await lister(sea)
    await made.once()
    market = sea.exchange.world.spot["BTCINR"]
    market.max_price += 1
    await sea.clock.advance(601)
    await made.once()
    quiet = await kinds(memory)
    market.min_notional += 1
    await sea.clock.advance(601)
    await made.once()

    assert "instrument_changed" not in quiet
    assert "instrument_changed" in await kinds(memory)


async def test_a_contract_that_is_delisted_is_offered_no_longer(sea: Sea, memory: Database) -> None:
    made = await lister(sea)
    await made.once()
    sea.exchange.world.futures["B-ETH_USDT"].status = "inactive"
    await sea.clock.advance(601)
    await made.once()
    found = await memory.read(service.instrument, "fut:B-ETH_USDT")
    assert not found.active


async def test_an_answer_that_does_not_come_costs_nothing_that_was_known(
    sea: Sea, memory: Database
) -> None:
    made = await lister(sea)
    await made.once()
    sea.exchange.faults.script(Fault("accept_then_500"), path="/instrument", times=50)
    sea.exchange.faults.script(Fault("accept_then_500"), path="/markets_details", times=2)
    for _ in range(4):
        await sea.clock.advance(601)
        await made.once()
    assert len(await memory.read(store.active_instruments, FEED)) == 11


async def test_the_rate_of_conversion_is_kept_with_its_age(sea: Sea, memory: Database) -> None:
    await (await lister(sea)).once()
    await sea.clock.advance(5)
    assert await memory.read(service.conversion, "USDT", "INR") == (Decimal(102), 5_000)


async def test_a_rate_that_is_not_told_holds_up_no_catalogue(sea: Sea, memory: Database) -> None:
    sea.exchange.faults.script(Fault("accept_then_500"), path="/conversions", times=5)
    await (await lister(sea)).once()
    assert len(await memory.read(store.active_instruments, FEED)) == 11
    assert await memory.read(service.conversion, "USDT", "INR") is None
