"""Seeded histories: markets, signals, faults and crashes drawn from one integer, and what must hold
at the end of each.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from control_plane.brokers.errors import OrderRefused, OutcomeUnknown, VenueUnreachable
from control_plane.brokers.models import (
    Accepted,
    Balance,
    OrderRequest,
    Position,
    VenueFill,
    VenueOrder,
)
from control_plane.brokers.paper.adapter import PaperBroker
from control_plane.core.ids import AccountId
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Arming, FailpointRaised
from control_plane.infra.rng import SeededRng
from control_plane.orders.models.states import TERMINAL
from control_plane.orders.service.halting import Halts
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import ZERO
from tests.factories import D
from tests.unit.orders.desk import Slice, sail, subscribe

T = TypeVar("T")

STEPS = 40
CRASHES = (
    "fanout.after_k_intents",
    "risk.before_commit",
    "send.after_wal_commit",
    "send.before_socket_write",
    "send.after_socket_write",
    "send.after_reply",
    "send.after_record",
)


@dataclass
class Line:
    """The paper exchange at the end of a line that loses, delays and breaks."""

    paper: PaperBroker
    rng: SeededRng
    bad: float = 0.0
    late: list[OrderRequest] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.paper, name)

    def fails(self) -> bool:
        return self.rng.uniform(0, 1) < self.bad

    async def place(self, order: OrderRequest) -> Accepted:
        if self.fails():
            if self.rng.below(2):
                self.late.append(order)
            raise OutcomeUnknown("the request was lost, or is on its way")
        accepted = await self.paper.place(order)
        if self.fails():
            raise OutcomeUnknown("the reply was lost")
        return accepted

    async def cancel(self, order: OrderRequest, exchange_order_id: str | None) -> None:
        if self.fails():
            raise OutcomeUnknown("the request was lost")
        await self.paper.cancel(order, exchange_order_id)
        if self.fails():
            raise OutcomeUnknown("the reply was lost")

    async def find(self, order: OrderRequest, exchange_order_id: str | None) -> VenueOrder | None:
        if self.fails():
            raise VenueUnreachable("down")
        return await self.paper.find(order, exchange_order_id)

    async def fills_since(self, cursors: Mapping[AccountId, str]) -> Sequence[VenueFill]:
        return await self._ask(self.paper.fills_since, cursors)

    async def balances(
        self, accounts: Sequence[AccountId]
    ) -> Mapping[AccountId, Sequence[Balance]]:
        return await self._ask(self.paper.balances, accounts)

    async def positions(self, accounts: Sequence[AccountId]) -> Sequence[Position]:
        return await self._ask(self.paper.positions, accounts)

    async def protect(self, *asked: Any) -> None:
        if self.fails():
            raise OutcomeUnknown("the request was lost")
        await self.paper.protect(*asked)
        if self.fails():
            raise OutcomeUnknown("the reply was lost")

    async def _ask(self, what: Callable[[Any], Awaitable[T]], of: Any) -> T:
        if self.fails():
            raise VenueUnreachable("down")
        return await what(of)

    async def arrive(self) -> None:
        """What was on its way gets there, late."""
        waiting, self.late = self.late, []
        for order in waiting:
            with suppress(OrderRefused):
                await self.paper.place(order)


async def history(db: Database, clock: Any, instrument: Instrument, seed: int) -> Slice:
    """Forty steps of whatever the seed draws, then calm until nothing is under way."""
    rng = SeededRng(seed)
    ship = await sail(db, clock, instrument)
    for number in (2, 3):
        await subscribe(ship, number, max_daily_loss=D("0.5"), slippage=D("0.01"))
    line = Line(ship.paper, rng)
    restart(ship, line)
    course = Course(ship, line, rng)
    for _ in range(STEPS):
        await course.step()
    await course.calm()
    return ship


def restart(ship: Slice, line: Line) -> None:
    ship.paper.last.clear()
    ship.restart(line)


@dataclass
class Course:
    ship: Slice
    line: Line
    rng: SeededRng
    price: int = 50_000

    async def step(self) -> None:
        choices: list[Callable[[], Any]] = [
            self.tick,
            self.tick,
            self.tick,
            self.signal,
            self.signal,
            self.crash,
            self.weather,
            self.halt,
            self.rest,
        ]
        await choices[self.rng.below(len(choices))]()
        await self.line.arrive()
        await self.work(1)

    async def tick(self) -> None:
        self.price += self.rng.below(1_201) - 600
        volume = ("0.02", "0.5", "100")[self.rng.below(3)]
        await self.ship.price(str(self.price), volume)

    async def signal(self) -> None:
        sides = ("LONG", "SHORT") if self.ship.instrument.is_futures else ("LONG",)
        side = sides[self.rng.below(len(sides))]
        action = (side, f"EXIT_{side}")[self.rng.below(2)]
        stops: dict[str, Any] = {}
        if not action.startswith("EXIT"):
            away = -1 if side == "LONG" else 1
            stops["stop_loss"] = Decimal(self.price + away * 900)
            stops["take_profit"] = Decimal(self.price - away * 1_500)
        await self.ship.signal(action, **stops)

    async def crash(self) -> None:
        name = CRASHES[self.rng.below(len(CRASHES))]
        self.ship.desk.failpoints.armed[name] = Arming("raise", skip=self.rng.below(3))
        await self.signal()
        await self.work(1)
        restart(self.ship, self.line)
        await self.ship.price(str(self.price))

    async def weather(self) -> None:
        self.line.bad = (0.0, 0.0, 0.3, 0.8)[self.rng.below(4)]

    async def halt(self) -> None:
        halts = Halts(self.ship.db, self.ship.desk.bus)
        await halts.halt("platform", by_user="us1")
        await self.work(1)
        await halts.unhalt("platform", by_user="us1")

    async def rest(self) -> None:
        await self.work(20)

    async def work(self, seconds: float) -> None:
        with suppress(FailpointRaised, ExceptionGroup):
            await self.ship.work(seconds)

    async def calm(self) -> None:
        """The line is good, the market deep, and the strategy wants out."""
        self.line.bad = 0.0
        self.ship.desk.failpoints.armed.clear()
        await self.line.arrive()
        for side in ("LONG", "SHORT"):
            for _ in range(30):
                await self.ship.price(str(self.price), "1000")
                await self.ship.work(1)
            await self.ship.signal(f"EXIT_{side}")
        for _ in range(40):
            await self.ship.price(str(self.price), "1000")
            await self.ship.work(1)


async def check(ship: Slice) -> None:
    """The invariants of one account and its orders."""
    intents = {row.id: row for row in await ship.rows("intents")}
    orders = await ship.rows("orders")
    paper = {row.client_order_id: row for row in await ship.rows("paper_order")}
    trades = await ship.rows("trades")

    # Everything ended, and nothing is held.
    assert {row.state for row in intents.values()} <= TERMINAL, unfinished(intents)
    assert {row.state for row in trades} <= {"closed"}, [dict(t._mapping) for t in trades]

    # No duplicate: an entry has one order at the venue; no phantom, and none that is not ours.
    ours = {row.client_order_id: row for row in orders}
    entries = Counter(
        ours[name].intent_id for name in paper if intents[ours[name].intent_id].leg == "entry"
    )
    assert all(count == 1 for count in entries.values())
    assert set(paper) <= set(ours)
    for row in orders:
        if row.state == "FILLED":
            assert row.client_order_id in paper

    await check_everybody_decided(ship)
    await check_money(ship)


async def check_everybody_decided(ship: Slice) -> None:
    rows = [*await ship.rows("intents"), *await ship.rows("skips")]
    decided = Counter((row.signal_id, row.subscription_id) for row in rows if row.signal_id)
    planned = [row.id for row in await ship.rows("signal") if row.state == "planned"]
    assert len(planned) == len(await ship.rows("signal"))
    expected = {(signal, f"su{number}") for signal in planned for number in (1, 2, 3)}
    assert set(decided) == expected
    assert set(decided.values()) == {1}


async def check_money(ship: Slice) -> None:
    """Our fills are the venue's, and the ledger is what the balance changed by."""
    ours = {(r.account_id, r.exchange_fill_id): r for r in await ship.rows("fills")}
    theirs = {(r.account, r.id): r for r in await ship.rows("paper_fill")}
    assert ours.keys() == theirs.keys()
    booked: dict[str, Decimal] = {}
    for line in await ship.rows("ledger"):
        booked[line.account_id] = booked.get(line.account_id, ZERO) + line.amount
    for number in (1, 2, 3):
        account = f"ac{number}"
        gained = await ship.free("USDT", account) - D("10000")
        assert abs(gained - booked.get(account, ZERO)) < D("0.000001")
        pnl = sum((t.pnl for t in await ship.rows("trades") if t.account_id == account), ZERO)
        assert abs(gained - pnl) < D("0.000001")
        if not ship.instrument.is_futures:
            assert await ship.free("BTC", account) == 0


def unfinished(intents: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (row.id, row.leg, row.state, str(row.reason))
        for row in intents.values()
        if row.state not in TERMINAL
    ]
