"""How orders leave: side by side, ways out past everything, none for ever on its way."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from control_plane.brokers.models import Accepted, OrderRequest
from control_plane.brokers.paper.adapter import PaperBroker
from control_plane.infra.db import Database
from control_plane.orders.models.releasing import abreast
from control_plane.orders.service.releasing import Releaser
from control_plane.orders.service.sending import Sender
from control_plane.settings import TradingSettings
from tests.fakes.clock import FakeClock
from tests.unit.orders.desk import Slice, sail, subscribe


@dataclass
class Slow:
    """The paper exchange, which does not answer some accounts for a while."""

    paper: PaperBroker
    accounts: set[str]
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    placed: list[tuple[str, str]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.paper, name)

    async def place(self, order: OrderRequest) -> Accepted:
        self.placed.append((order.account, order.side))
        if order.account in self.accounts:
            await self.answers.wait()
        return await self.paper.place(order)


@pytest.fixture
async def ship(memory: Database, clock: FakeClock) -> Slice:
    return await sail(memory, clock)


async def slow(ship: Slice, accounts: set[str], at_once: int) -> tuple[Slow, Sender]:
    line = Slow(ship.paper, accounts)
    ship.restart(line)
    await ship.desk.leases.once()
    desk = replace(ship.desk, settings=TradingSettings(at_once=at_once))
    return line, Sender(desk, Releaser(desk))


async def soon(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await is_so():
            await asyncio.sleep(0)


async def states(ship: Slice) -> Counter[str]:
    return Counter(row.state for row in await ship.rows("intents"))


async def test_an_account_that_gets_no_answer_holds_up_no_other(ship: Slice) -> None:
    for number in range(2, 7):
        await subscribe(ship, number)
    line, sender = await slow(ship, {"ac1"}, at_once=2)
    await ship.signal("LONG")
    await ship.loops.planner.once()

    async def all_others_are_in() -> bool:
        await sender.let_out(group)
        return (await states(ship))["OPEN"] == 5

    async with asyncio.TaskGroup() as group:
        await soon(all_others_are_in)
        assert (await ship.only("intents", account_id="ac1")).state == "SENDING"
        line.answers.set()
    assert await states(ship) == {"OPEN": 6}


async def test_a_way_out_needs_no_room(ship: Slice) -> None:
    await ship.signal("LONG")
    await ship.work()
    await subscribe(ship, 2)
    line, sender = await slow(ship, {"ac2"}, at_once=1)
    await ship.signal("LONG")
    await ship.loops.planner.once()
    async with asyncio.TaskGroup() as group:
        assert await sender.let_out(group) == 1
        await ship.signal("EXIT_LONG")
        await ship.loops.planner.once()

        async def is_out() -> bool:
            await ship.loops.follower.once()
            await sender.let_out(group)
            return ("ac1", "sell") in line.placed

        await soon(is_out)
        line.answers.set()


async def test_no_more_are_on_their_way_than_may_be(ship: Slice) -> None:
    for number in range(2, 12):
        await subscribe(ship, number)
    line, sender = await slow(ship, {f"ac{n}" for n in range(12)}, at_once=4)
    await ship.signal("LONG")
    await ship.loops.planner.once()
    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            await sender.let_out(group)
            await asyncio.sleep(0)
        assert len(sender.desk.in_flight) == 4
        assert await states(ship) == {"SENDING": 4, "READY": 7}
        line.answers.set()


async def test_what_is_cancelled_before_it_leaves_is_on_its_way_no_more(ship: Slice) -> None:
    """Else nobody would ever look for it."""
    _, sender = await slow(ship, set(), at_once=4)
    await ship.signal("LONG")
    await ship.loops.planner.once()

    async def fail() -> None:
        async with asyncio.TaskGroup() as group:
            assert await sender.let_out(group) == 1
            raise RuntimeError("before its first step")

    with pytest.raises(ExceptionGroup):
        await fail()
    await asyncio.sleep(0)
    assert await states(ship) == {"SENDING": 1}
    assert not sender.desk.in_flight


async def test_all_that_is_ready_leaves_at_once_however_much(ship: Slice) -> None:
    for number in range(2, 41):
        await subscribe(ship, number)
    _, sender = await slow(ship, set(), at_once=8)
    await ship.signal("LONG")
    await ship.loops.planner.once()
    assert await sender.once() == 40
    assert await states(ship) == {"OPEN": 40}


@dataclass(frozen=True)
class Row:
    leg: str
    account_id: str = "ac1"
    instrument: str = "spot:I-BTC_INR"
    margin_currency: str = ""


def test_of_one_position_only_one_order_of_each_leg_leaves_and_an_entry_alone() -> None:
    way_out, stop, entry = Row("exit"), Row("sl"), Row("entry")
    assert abreast([way_out, stop, entry]) == [way_out, stop]
    assert abreast([way_out, Row("exit"), stop]) == [way_out, stop]
    assert abreast([entry, Row("entry")]) == [entry]


def test_other_positions_do_not_wait() -> None:
    entry = Row("entry")
    others = [
        replace(entry, account_id="ac2"),
        replace(entry, instrument="spot:I-ETH_INR"),
        replace(entry, margin_currency="USDT"),
    ]
    assert abreast([entry, *others]) == [entry, *others]
