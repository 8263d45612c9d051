"""Killed anywhere, started again: exactly one order at the venue, and the database knows it."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from control_plane.brokers.errors import NotSent, OutcomeUnknown, VenueUnreachable
from control_plane.brokers.models import Accepted, OrderRequest, VenueOrder
from control_plane.brokers.paper.adapter import PaperBroker
from control_plane.core.ids import AccountId
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Arming, FailpointRaised
from control_plane.orders.models.requests import request_of, written_of
from tests.fakes.clock import FakeClock
from tests.unit.orders.desk import Slice, futures, sail

SENDING = (
    "send.after_wal_commit",
    "send.before_socket_write",
    "send.after_socket_write",
    "send.after_reply",
    "send.after_record",
)
Opening = Callable[[Database, FakeClock], Awaitable[Slice]]

PLANNING = ("fanout.after_k_intents", "risk.before_commit")


@dataclass
class Faulty:
    """The paper exchange behind a bad line."""

    paper: PaperBroker
    place_as: str = "ok"  # ok | lose_request | lose_reply | unreachable
    find_as: str = "ok"  # ok | unreachable
    cancel_as: str = "ok"  # ok | unreachable
    placed: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.paper, name)

    async def place(self, order: OrderRequest) -> Accepted:
        if self.place_as == "unreachable":
            raise NotSent("no line")
        self.placed.append(order.client_order_id)
        if self.place_as == "lose_request":
            raise OutcomeUnknown("no answer")
        accepted = await self.paper.place(order)
        if self.place_as == "lose_reply":
            raise OutcomeUnknown("no answer")
        return accepted

    async def find(self, order: OrderRequest, exchange_order_id: str | None) -> VenueOrder | None:
        if self.find_as == "unreachable":
            raise VenueUnreachable("down")
        return await self.paper.find(order, exchange_order_id)

    async def cancel(self, order: OrderRequest, exchange_order_id: str | None) -> Any:
        if self.cancel_as == "unreachable":
            raise VenueUnreachable("down")
        return await self.paper.cancel(order, exchange_order_id)


@pytest.fixture
async def ship(memory: Database, clock: FakeClock) -> Slice:
    return await sail(memory, clock)


async def bad_line(ship: Slice, place_as: str = "ok", find_as: str = "ok") -> Faulty:
    line = Faulty(ship.paper, place_as, find_as)
    ship.restart(line)
    await ship.desk.leases.once()
    return line


async def crash(ship: Slice, armed: Mapping[str, Arming]) -> None:
    """Run until it dies there, then start a new process."""
    ship.desk.failpoints.armed.update(armed)
    with suppress(FailpointRaised, ExceptionGroup):
        await ship.work(1)
    ship.restart(holder="another")


async def at_venue(ship: Slice, side: str) -> int:
    orders = await ship.rows("paper_order")
    return sum(1 for row in orders if row.side == side and row.kind == "limit")


@pytest.mark.parametrize("name", [*PLANNING, *SENDING])
async def test_an_entry_that_died_there_is_placed_once(ship: Slice, name: str) -> None:
    await ship.signal("LONG")
    await crash(ship, {name: Arming("raise")})
    await ship.work(40)
    entry = await ship.only("intents", leg="entry")
    if name in ("send.after_wal_commit", "send.before_socket_write"):
        # It never arrived: proved, and given up, for a missed entry is cheaper than a doubled one.
        assert entry.state == "ABANDONED"
        assert await at_venue(ship, "buy") == 0
        return
    assert entry.state == "FILLED"
    assert await at_venue(ship, "buy") == 1
    trade = await ship.only("trades")
    assert trade.state == "protected"
    assert trade.quantity == entry.quantity


@pytest.mark.parametrize("name", SENDING)
async def test_an_exit_that_died_there_goes_out_once(ship: Slice, name: str) -> None:
    await ship.signal("LONG")
    await ship.work()
    await ship.signal("EXIT_LONG")
    await crash(ship, {name: Arming("raise")})
    await ship.work(60)
    assert (await ship.only("trades")).state == "closed"
    assert await at_venue(ship, "sell") == 1
    assert await ship.free("BTC") == 0


async def test_a_lost_reply_is_looked_up_at_once(ship: Slice) -> None:
    line = await bad_line(ship, place_as="lose_reply")
    await ship.signal("LONG")
    await ship.work(1)
    assert (await ship.only("intents", leg="entry")).state == "FILLED"
    assert line.placed.count((await ship.only("orders", number=0, side="buy")).client_order_id) == 1


async def test_a_lost_request_is_absent_only_after_the_settle_time(ship: Slice) -> None:
    await bad_line(ship, place_as="lose_request")
    await ship.signal("LONG")
    await ship.work(15)
    assert (await ship.only("intents", leg="entry")).state == "UNKNOWN"
    await ship.work(10)
    entry = await ship.only("intents", leg="entry")
    assert (entry.state, entry.looks) == ("ABANDONED", 2)


async def test_an_unreachable_venue_proves_nothing(ship: Slice) -> None:
    line = await bad_line(ship, place_as="lose_reply", find_as="unreachable")
    line.paper.last.clear()
    await ship.signal("LONG")
    await ship.work(60)
    assert (await ship.only("intents", leg="entry")).state == "UNKNOWN"
    line.find_as = "ok"
    await ship.work(15)
    assert (await ship.only("intents", leg="entry")).state in ("OPEN", "FILLED", "CANCELLED")


async def test_while_one_entry_is_in_doubt_no_second_leaves(ship: Slice) -> None:
    line = await bad_line(ship, place_as="lose_request", find_as="unreachable")
    await ship.signal("LONG")
    await ship.work(2)
    line.place_as = "ok"
    await ship.signal("LONG")
    await ship.work(2)
    assert len(line.placed) == 1


async def test_doubt_that_never_clears_is_left_to_a_person(ship: Slice) -> None:
    await bad_line(ship, place_as="lose_request", find_as="unreachable")
    await ship.signal("LONG")
    await ship.work(1)
    await ship.clock.advance(905)
    await ship.work(15)
    assert (await ship.only("intents", leg="entry")).state == "QUARANTINED"


async def test_a_process_that_slept_after_the_commit_sends_nothing(ship: Slice) -> None:
    line = await bad_line(ship)
    await ship.signal("LONG")
    await ship.loops.planner.once()
    released = await ship.db.write(
        ship.loops.sender.releaser.release, await ship.rows("intents"), []
    )
    await ship.clock.advance(2)
    await ship.loops.sender._send(released[0], ship.clock.monotonic() - 2)
    entry = await ship.only("intents", leg="entry")
    assert (entry.state, line.placed) == ("READY", [])


async def test_a_late_request_is_refused_by_the_venue_itself(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.loops.planner.once()
    released = await ship.db.write(
        ship.loops.sender.releaser.release, await ship.rows("intents"), []
    )
    await ship.clock.advance(11)
    await ship.desk.leases.once()
    await ship.loops.sender._send(released[0], ship.clock.monotonic())
    entry = await ship.only("intents", leg="entry")
    assert entry.state == "REJECTED"
    assert "stale_timestamp" in entry.reason


async def test_ticks_that_come_again_after_a_crash_fill_nothing_twice(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    tick = ship.quotes.held[next(iter(ship.quotes.held))]
    before = len(await ship.rows("paper_fill"))
    await ship.paper.on_tick(ship.instrument, tick)
    await PaperBroker(ship.db, ship.clock, ship.paper.settings).on_tick(ship.instrument, tick)
    assert len(await ship.rows("paper_fill")) == before


async def test_fills_read_again_are_booked_once(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    trade = await ship.only("trades")
    fills = await ship.paper.fills_since({trade.account_id: ""})
    assert await ship.db.write(ship.loops.follower.tracker.apply, fills) == 0
    assert (await ship.only("trades")).quantity == trade.quantity


async def test_a_reversal_waits_for_an_entry_that_cannot_be_taken_back(
    memory: Database, clock: FakeClock
) -> None:
    ship = await futures(memory, clock)
    line = await bad_line(ship)
    await ship.price("50000", "0.001")  # hardly anybody trades: the order rests
    await ship.signal("LONG")
    await ship.work(0.4)
    line.cancel_as = "unreachable"
    await ship.signal("EXIT_LONG")
    ship.trigger -= 1  # of one candle
    await ship.signal("SHORT")
    await ship.work(1)
    await ship.price("50000")  # and now it is filled after all
    line.cancel_as = "ok"
    await ship.work(8)
    opened = sorted(await ship.rows("trades"), key=lambda row: row.position_generation)
    assert [(row.side, row.state) for row in opened] == [("LONG", "closed"), ("SHORT", "protected")]


async def test_of_two_reversals_that_wait_the_later_one_goes(
    memory: Database, clock: FakeClock
) -> None:
    ship = await futures(memory, clock)
    line = await bad_line(ship)
    await ship.signal("SHORT")
    await ship.work()
    line.place_as = "unreachable"  # the way out takes its time
    for way_out, way_in in (("EXIT_SHORT", "LONG"), ("EXIT_LONG", "SHORT")):
        await ship.signal(way_out)
        ship.trigger -= 1  # of one candle
        await ship.signal(way_in)
        await ship.work(0.4)
    line.place_as = "ok"
    await ship.work(8)
    trades = sorted(await ship.rows("trades"), key=lambda row: row.position_generation)
    assert [(row.side, row.state) for row in trades] == [
        ("SHORT", "closed"),
        ("SHORT", "protected"),
    ]
    held = await ship.paper.positions([AccountId("ac1")])
    assert [one.quantity for one in held] == [-trades[-1].quantity]


async def test_a_signal_that_cannot_be_planned_keeps_no_other_waiting(ship: Slice) -> None:
    await ship.signal("LONG", instrument="spot:B-NOTHING_HERE")
    await ship.signal("LONG")
    await ship.work()
    states = sorted(row.state for row in await ship.rows("signal"))
    assert states == ["planned", "refused"]
    assert (await ship.only("trades")).state == "protected"


async def test_a_fill_of_an_order_that_was_given_up_joins_the_position(ship: Slice) -> None:
    line = await bad_line(ship, place_as="lose_request")
    await ship.signal("LONG")
    await ship.work(25)
    lost = await ship.only("intents", leg="entry")
    assert lost.state == "ABANDONED"
    line.place_as = "ok"
    await ship.signal("LONG")
    await ship.work()
    order = await ship.only("orders", intent_id=lost.id)
    instrument = ship.instrument
    late = replace(request_of(written_of(order), instrument), signed_ms=ship.desk.now_ms())
    await ship.paper.place(late)
    await ship.work(4)
    trade = await ship.only("trades")
    assert trade.quantity == sum(fill.quantity for fill in await ship.rows("fills"))
    assert trade.state == "protected"
    assert (await ship.only("intents", leg="sl", state="OPEN")).quantity == trade.quantity


async def test_an_exit_in_doubt_keeps_the_next_entry_back_and_never_closes_it(
    memory: Database, clock: FakeClock
) -> None:
    ship = await futures(memory, clock)
    await ship.signal("LONG")
    await ship.work()
    line = await bad_line(ship, place_as="lose_request", find_as="unreachable")
    await ship.signal("EXIT_LONG")
    await ship.work(2)
    # Meanwhile the position ends at its target.
    await ship.price("53001")
    await ship.work(2)
    assert (await ship.only("trades")).state == "closed"
    line.place_as = "ok"
    await ship.price("50000")
    await ship.signal("SHORT")
    await ship.work(4)
    assert (await ship.only("intents", leg="entry", side="sell")).state == "READY"
    line.find_as = "ok"
    await ship.work(30)
    assert (await ship.only("intents", leg="exit")).state == "DENIED"
    trade = await ship.only("trades", side="SHORT")
    assert trade.state == "protected"


@pytest.mark.parametrize("name", ["protect.before_sl", "protect.after_sl_reply"])
@pytest.mark.parametrize("open_sea", [sail, futures])
async def test_a_position_whose_protector_died_has_one_stop(
    memory: Database, clock: FakeClock, name: str, open_sea: Opening
) -> None:
    ship = await open_sea(memory, clock)
    await ship.signal("LONG")
    await crash(ship, {name: Arming("raise")})
    await ship.work(40)
    assert (await ship.only("trades")).state == "protected"
    stops = [row for row in await ship.rows("paper_order") if row.kind == "stop_market"]
    assert len(stops) == (0 if ship.instrument.is_futures else 1)
    held = await ship.paper.positions([AccountId("ac1")])
    assert [one.stop_loss for one in held] == ([49000] if ship.instrument.is_futures else [])


@pytest.mark.parametrize(
    "name", ["reconcile.before_look", "reconcile.after_look", "reconcile.before_bind"]
)
async def test_an_order_in_doubt_is_bound_though_whoever_looked_died(
    ship: Slice, name: str
) -> None:
    await bad_line(ship, place_as="lose_reply")
    await ship.signal("LONG")
    await crash(ship, {name: Arming("raise")})
    await ship.work(40)
    assert (await ship.only("intents", leg="entry")).state == "FILLED"
    assert await at_venue(ship, "buy") == 1


@pytest.mark.parametrize("name", ["cancel.after_send", "exit.after_send"])
async def test_a_way_out_that_died_between_its_steps_is_gone_to_the_end(
    ship: Slice, name: str
) -> None:
    await ship.signal("LONG")
    await ship.work()
    await ship.signal("EXIT_LONG")
    await crash(ship, {name: Arming("raise")})
    await ship.work(40)
    assert (await ship.only("trades")).state == "closed"
    assert await at_venue(ship, "sell") == 1
    assert await ship.free("BTC") == 0
