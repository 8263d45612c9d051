"""The whole slice on an inline database, a fake clock and the paper exchange: a test says what the
strategy signals and what the market does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import Row, insert, select

from control_plane.brokers.models import Broker
from control_plane.brokers.paper import service as play_money
from control_plane.brokers.paper.adapter import PaperBroker
from control_plane.core.clock import ms
from control_plane.core.ids import (
    DeploymentId,
    InstrumentId,
    shard_of,
    signal_id,
)
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.infra.rng import SeededRng
from control_plane.market.store import list_instruments
from control_plane.orders.service.desk import Desk
from control_plane.orders.worker import Loops, loops
from control_plane.settings import PaperSettings, TradingSettings
from control_plane.tables import SCHEMA
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire.messages import Tick
from tests.factories import D, future, spot
from tests.fakes.quotes import FakeQuotes

TABLES = {
    "trades": "trade",
    "intents": "intent",
    "skips": "skip",
    "plans": "plan",
    "fills": "fill",
    "exposure_owners": "exposure_owner",
    "events": "event",
}
DEPLOYMENT = DeploymentId("dep1")
MINUTE_MS = 60_000


@dataclass
class Slice:
    """Orders with everything that they need."""

    db: Database
    clock: Any  # one that a test drives; a benchmark's is real
    quotes: FakeQuotes = field(default_factory=FakeQuotes)
    paper: PaperBroker = field(init=False)
    desk: Desk = field(init=False)
    loops: Loops = field(init=False)
    instrument: Instrument = field(default_factory=spot)
    trigger: int = 0
    ticks: int = 0

    def __post_init__(self) -> None:
        self.paper = PaperBroker(self.db, self.clock, PaperSettings())
        self.restart()

    def restart(self, broker: Broker | None = None, *, holder: str = "me") -> None:
        """A new process on the same database: nothing but rows is left of the old one."""
        points = Failpoints(self.clock)
        leases = Leases("trading", holder, "here", self.db, self.clock, points)
        self.desk = Desk(
            db=self.db,
            bus=Bus("redis://127.0.0.1:1", self.clock),
            clock=self.clock,
            rng=SeededRng(1),
            leases=leases,
            failpoints=points,
            brokers={"paper": broker or self.paper},
            quotes=self.quotes,
            settings=TradingSettings(),
        )
        self.paper.on_fill = partial(self.desk.hear, "paper")
        self.loops = loops(self.desk, tick_driven=(self.paper,))

    # ---- what a test says ------------------------------------------------------------------------

    async def price(self, price: str, quantity: str = "100") -> None:
        """The market trades at this price."""
        self.ticks += 1
        at = ms(self.clock.now()) + self.ticks
        tick = Tick(at_ms=at, price=D(price), quantity=D(quantity), published_ms=at)
        self.quotes.held[InstrumentId(self.instrument.id)] = tick
        await self.loops.ticks.let_through(InstrumentId(self.instrument.id), tick)

    async def signal(self, action: str, **changes: Any) -> str:
        """The strategy says so, on a new candle."""
        self.trigger += 1
        row = signal_row(self, action) | changes
        await self.db.write(add_row, "signal", row)
        return str(row["id"])

    async def work(self, seconds: float = 2.0) -> None:
        """Let the loops do what they do, for a while: closely at first, then once a second."""
        until = self.clock.seconds + seconds
        close = 4
        while self.clock.seconds < until:
            close -= 1
            await self.desk.leases.once()
            await self.loops.planner.once()
            for _ in range(3 if close >= 0 else 1):
                await self.loops.sender.once()
                await self.loops.follower.once()
            await self.clock.advance(0.5 if close >= 0 else 1.0)

    async def rows(self, name: str) -> Sequence[Row[Any]]:
        found = SCHEMA.tables[TABLES.get(name, name)]
        return await self.db.read(lambda tx: tx.all(select(found)))

    async def only(self, table: str, **where: Any) -> Row[Any]:
        found = [
            row
            for row in await self.rows(table)
            if all(getattr(row, name) == value for name, value in where.items())
        ]
        assert len(found) == 1, found
        return found[0]

    async def free(self, currency: str, account: str = "ac1") -> Decimal:
        held = await self.db.read(play_money.balances, account)
        return next((b.free for b in held if b.currency == currency), D("0"))


async def sail(db: Database, clock: Any, instrument: Instrument | None = None) -> Slice:
    """One deployment, one subscriber with 10,000 USDT, a market at 50,000."""
    made = Slice(db, clock, instrument=instrument or spot())
    await db.write(base_rows, made.instrument)
    await subscribe(made, 1)
    await made.desk.leases.once()
    await made.price("50000")
    return made


async def futures(db: Database, clock: Any) -> Slice:
    return await sail(db, clock, future())


async def subscribe(made: Slice, number: int, **terms: Any) -> None:
    await made.db.write(subscriber_rows, made.instrument, number, terms)


def signal_row(made: Slice, action: str) -> dict[str, Any]:
    kind = "exit" if action.startswith("EXIT") else "entry"
    trigger = made.trigger * MINUTE_MS
    now = ms(made.clock.now())
    is_long = action.endswith("LONG")
    name = InstrumentId(made.instrument.id)
    stops = (D("49000"), D("53000")) if is_long else (D("51000"), D("47000"))
    price = made.quotes.held[name].price if name in made.quotes.held else D("50000")
    return {
        "id": signal_id(DEPLOYMENT, name, f"1m:{trigger}", kind),
        "deployment_id": DEPLOYMENT,
        "tenant": "us1",
        "shard": int(shard_of(DEPLOYMENT)),
        "instrument": made.instrument.id,
        "trigger": f"1m:{trigger}",
        "trigger_open_ms": trigger,
        "generation": 1,
        "kind": kind,
        "action": action,
        "price": price,
        "stop_loss": stops[0] if kind == "entry" else None,
        "take_profit": stops[1] if kind == "entry" else None,
        "reason": "",
        "state": "accepted",
        "seed": 7,
        "published_ms": now,
        "decided_ms": now,
        "accepted_ms": now,
    }


def base_rows(tx: Tx, instrument: Instrument) -> None:
    rates = spot(id="spot:I-USDT_INR", base="USDT", quote="INR")
    list_instruments(tx, [instrument, rates], "simulated")
    add_row(tx, "strategy", {"id": "st1", "tenant": "us1", "name": "cross", "created_ms": 0})
    version = {"id": "ve1", "strategy_id": "st1", "tenant": "us1", "number": 1, "code": ""}
    add_row(tx, "version", version | {"code_sha256": "", "created_ms": 0})
    deployment = {
        "id": DEPLOYMENT,
        "tenant": "us1",
        "shard": int(shard_of(DEPLOYMENT)),
        "name": "cross",
        "strategy_id": "st1",
        "version_id": "ve1",
        "instrument": instrument.id,
        "resolution": "1m",
        "created_ms": 0,
    }
    add_row(tx, "deployment", deployment)


def subscriber_rows(tx: Tx, instrument: Instrument, number: int, terms: Mapping[str, Any]) -> None:
    account = f"ac{number}"
    shard = int(shard_of(account))
    row = {
        "id": account,
        "tenant": "us1",
        "shard": shard,
        "name": account,
        "venue": "paper",
        "state": "active",
        "home_currency": "USDT",
        "created_ms": 0,
    }
    add_row(tx, "account", row)
    play_money.deposit(tx, account, "USDT", D("10000"))
    follow = {
        "id": f"su{number}",
        "tenant": "us1",
        "shard": shard,
        "account_id": account,
        "deployment_id": DEPLOYMENT,
        "instrument": instrument.id,
        "margin_currency": "USDT" if instrument.is_futures else "",
        "capital": D("10000"),
        "capital_currency": "USDT",
        "risk": D("0.01"),
        "leverage": D("5") if instrument.is_futures else D("1"),
        "sizing": "fixed_risk",
        "max_positions": 1,
        "slippage": D("0.003"),
        "max_age_seconds": 60,
        "software_stop": False,
        "state": "active",
        "created_ms": 0,
        "version": 1,
    }
    add_row(tx, "subscription", follow | dict(terms))


def add_row(tx: Tx, name: str, row: Mapping[str, Any]) -> None:
    """With the defaults that the model would give."""
    table = SCHEMA.tables[name]
    found = {column.name: getattr(column.default, "arg", None) for column in table.c}
    plain = {n: v for n, v in found.items() if v is not None and not callable(v)}
    tx.run(insert(table), plain | dict(row))
