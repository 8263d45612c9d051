"""The world of one history: a database, a venue, a market, and processes that come and go."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from typing import Any, Literal

from control_plane.brokers.coindcx.views import market_name
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.brokers.models import Broker
from control_plane.brokers.paper.adapter import PaperBroker
from control_plane.core.clock import ms
from control_plane.core.ids import AccountId, DeploymentId, InstrumentId, shard_of, signal_id
from control_plane.infra import db
from control_plane.infra.bus import Bus
from control_plane.infra.leases import Leases
from control_plane.infra.rng import SeededRng
from control_plane.infra.supervisor import LoopFailed, Supervisor
from control_plane.orders.service.desk import Desk
from control_plane.orders.worker import Loops, loops
from control_plane.settings import PaperSettings, TradingSettings
from control_plane.tables import SCHEMA
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import Tick
from tests.coindcx_sim import build
from tests.coindcx_sim.broker import UNHURRIED, broker_over
from tests.coindcx_sim.exchange import Exchange
from tests.coindcx_sim.faults import Fault
from tests.coindcx_sim.switches import Switches
from tests.factories import D, future, spot
from tests.simulation.line import PaperLine, SimLine, Weather
from tests.simulation.process import (
    START,
    Fate,
    Perils,
    ProcessClock,
    ProcessDatabase,
    ProcessFailpoints,
    SimClock,
)
from tests.simulation.quick import QuickDatabase, Store
from tests.unit.orders.desk import DEPLOYMENT, add_row, base_rows, subscriber_rows

SECOND = DeploymentId("dep2")
SCALE = 0.05  # of all operational times, as in CI
Venue = Literal["coindcx", "paper"]
Kind = Literal["spot", "fut"]

SETTINGS = TradingSettings(price_stale_seconds=10.0, rate_stale_seconds=10.0)
VENUE = replace(
    UNHURRIED,
    window_seconds=10 * SCALE,
    skew_ms=int(2_000 * SCALE),
    deadline_seconds=4 * SCALE,
    patience_seconds=1 * SCALE,
    ask_patience_seconds=20 * SCALE,
    timestamp_enforced=True,
)


@dataclass(frozen=True)
class Chart:
    """What a seed drew before the first step."""

    seed: int
    venue: Venue
    kind: Kind
    accounts: int
    perils: Perils
    switches: Switches
    outages: tuple[tuple[float, float], ...]
    lost: float
    slow: float
    late: float
    cut: float
    create_late: float
    faults: Mapping[Fault, float]
    hours: float  # seconds of trouble, then calm
    second: float | None  # when another process joins
    is_crowded: bool  # a second deployment trades the same pair in the first account
    hidden: float  # how often an order hides beyond every bound that we assume


@dataclass
class SimQuotes:
    """The last ticks, heard by every process."""

    held: dict[InstrumentId, Tick] = field(default_factory=dict)
    ears: list["asyncio.Queue[tuple[InstrumentId, Tick]]"] = field(default_factory=list)

    def need(self, identities: Iterable[InstrumentId]) -> None:
        """All are kept anyway."""

    def last(self, identity: InstrumentId) -> Tick | None:
        return self.held.get(identity)

    def known(self) -> Collection[InstrumentId]:
        return self.held.keys()

    @asynccontextmanager
    async def ticks(self) -> AsyncIterator[AsyncIterator[tuple[InstrumentId, Tick]]]:
        ear: asyncio.Queue[tuple[InstrumentId, Tick]] = asyncio.Queue()
        self.ears.append(ear)
        try:
            yield _heard(ear)
        finally:
            self.ears.remove(ear)

    def tell(self, identity: InstrumentId, tick: Tick) -> None:
        self.held[identity] = tick
        for ear in self.ears:
            ear.put_nowait((identity, tick))


async def _heard(
    ear: "asyncio.Queue[tuple[InstrumentId, Tick]]",
) -> AsyncIterator[tuple[InstrumentId, Tick]]:
    while True:
        yield await ear.get()


@dataclass
class Ship:
    """One process."""

    name: str
    fate: Fate
    desk: Desk
    loops: Loops
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)


@dataclass
class Sea:
    chart: Chart
    rng: random.Random
    db: QuickDatabase
    clock: SimClock
    weather: Weather
    instrument: Instrument
    refit: Callable[["Sea", Ship], None]  # a test's own change of a rule
    desk: type[Desk] = Desk
    quotes: SimQuotes = field(default_factory=SimQuotes)
    exchange: Exchange | None = None
    paper: PaperBroker | None = None
    ships: list[Ship] = field(default_factory=list)
    price: int = 50_000
    triggers: int = 0
    ticks: int = 0
    is_over: bool = False

    # ---- processes -------------------------------------------------------------------------------

    def launch(self) -> Ship:
        number = len(self.ships) + 1
        name = f"process-{number}"
        fate = Fate(self.rng, self.chart.perils, lambda: self._died(ship))
        fate.is_safe = self.weather.is_calm
        clock = ProcessClock(fate=fate)
        store = self.db.store
        database = ProcessDatabase(self.db.engine, clock, None, None, store=store, fate=fate)
        points = ProcessFailpoints(clock, fate=fate)
        bus = Bus("redis://127.0.0.1:1", clock)
        bus._loop = asyncio.get_running_loop()
        desk = self.desk(
            db=database,
            bus=bus,
            clock=clock,
            rng=SeededRng(self.chart.seed),
            leases=Leases("trading", name, "", database, clock, points, SCALE),
            failpoints=points,
            brokers={"paper": self._broker(fate, clock)},
            quotes=self.quotes,
            settings=SETTINGS,
            scale=SCALE,
        )
        ship = Ship(name, fate, desk, loops(desk))
        self.refit(self, ship)
        supervisor = Supervisor(clock)
        work = ship.loops
        runs = {
            "leases": desk.leases.run,
            "plan": work.plan,
            "send": work.send,
            "follow": work.follow,
            "ticks": work.let_ticks_through,
        }
        ship.tasks = [
            asyncio.get_running_loop().create_task(
                self._sail(ship, supervisor, each, run), name=f"{name}-{each}"
            )
            for each, run in runs.items()
        ]
        self.ships.append(ship)
        return ship

    async def _sail(self, ship: Ship, supervisor: Supervisor, name: str, run: Any) -> None:
        try:
            await supervisor.keep(name, run)
        except LoopFailed:
            ship.fate.die()

    def _died(self, ship: Ship) -> None:
        """Whoever watches over processes starts another."""
        if not self.is_over:
            loop = asyncio.get_running_loop()
            loop.call_later(self.rng.uniform(0.5, 20) * SCALE, self._relaunch)

    def _relaunch(self) -> None:
        if not self.is_over:
            self.launch()

    def _broker(self, fate: Fate, clock: ProcessClock) -> Broker:
        if self.paper is not None:
            return PaperLine(self.paper, self.weather, fate, VENUE.deadline_seconds)
        assert self.exchange is not None
        keys = {
            AccountId(f"ac{n}"): Credentials(f"ac{n}", "secret")
            for n in range(1, self.chart.accounts + 1)
        }
        line = SimLine(self.exchange, self.weather, fate, self.clock)
        return broker_over(self.exchange, clock, keys, VENUE, line)

    async def end(self) -> None:
        self.is_over = True
        for ship in self.ships:
            ship.fate.is_dead = True
            for task in ship.tasks:
                task.cancel()
        for ship in self.ships:
            for task in ship.tasks:
                with suppress(BaseException):  # dead processes have nothing to say
                    await task

    # ---- what happens ----------------------------------------------------------------------------

    def now_ms(self) -> int:
        return ms(self.clock.now())

    async def tick(self, price: int | None = None, volume: str = "100") -> None:
        if price is not None:
            self.price = price
        self.ticks += 1
        at = self.now_ms()
        market_at = at + self.ticks
        made = Tick(at_ms=market_at, price=Decimal(self.price), quantity=D(volume), published_ms=at)
        if self.exchange is not None:
            is_future = self.instrument.is_futures
            name = self.instrument.pair if is_future else market_name(self.instrument)
            self.exchange.move(name, Decimal(self.price), at)
        if self.paper is not None:
            await self.paper.on_tick(self.instrument, made)
        self.quotes.tell(InstrumentId(self.instrument.id), made)

    async def signal(
        self, action: str, *, again: bool = False, of: DeploymentId = DEPLOYMENT
    ) -> str:
        """The strategy says so, on a new candle."""
        self.triggers += 0 if again else 1
        kind = "exit" if action.startswith("EXIT") else "entry"
        trigger = self.triggers * 60_000
        now = self.now_ms()
        away = -1 if action.endswith("LONG") else 1
        name = InstrumentId(self.instrument.id)
        row = {
            "id": signal_id(of, name, f"1m:{trigger}", kind),
            "deployment_id": of,
            "tenant": "us1",
            "shard": int(shard_of(of)),
            "instrument": name,
            "trigger": f"1m:{trigger}",
            "trigger_open_ms": trigger,
            "generation": 1,
            "kind": kind,
            "action": action,
            "price": Decimal(self.price),
            "stop_loss": Decimal(self.price + away * 900) if kind == "entry" else None,
            "take_profit": Decimal(self.price - away * 1_500) if kind == "entry" else None,
            "reason": "",
            "state": "accepted",
            "seed": self.chart.seed,
            "published_ms": now,
            "decided_ms": now,
            "accepted_ms": now,
        }
        await self.db.write(add_row, "signal", row)
        self.hint("signals")
        return str(row["id"])

    def hint(self, name: str) -> None:
        for ship in self.ships:
            if not ship.fate.is_dead:
                ship.desk.bus.hint(names.wake(name))

    def strike(self, fault: Fault) -> None:
        if self.exchange is not None:
            self.exchange.strike("ac1", fault, self.now_ms())

    def calm(self) -> None:
        """From now on nothing fails, and everybody is awake."""
        self.weather.is_calm = True
        if self.exchange is not None:
            self.exchange.faults.chances = {}
        for ship in self.ships:
            ship.fate.is_safe = True
            ship.fate.asleep_until = 0.0
        if not any(not ship.fate.is_dead for ship in self.ships):
            self.launch()

    async def rows(self, name: str) -> Any:
        table = SCHEMA.tables[name]
        return await self.db.read(lambda tx: tx.all(table.select()))


@cache
def _engine() -> QuickDatabase:
    """One in-memory database for all histories of this process: its schema costs more than one."""
    opened = db.connect("sqlite://", SimClock(), inline=True)
    SCHEMA.create_all(opened.engine)
    with opened.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        raw.execute("PRAGMA synchronous=OFF")
    store = Store(raw, opened.engine.dialect)
    return QuickDatabase(opened.engine, opened.clock, None, None, store=store)


def second_rows(tx: db.Tx, instrument: Instrument) -> None:
    """Another deployment on the same pair, followed in the same account."""
    tables = SCHEMA.tables
    deployment = tx.first(tables["deployment"].select())
    follower = tx.first(tables["subscription"].select())
    assert deployment is not None
    assert follower is not None
    own = {"id": SECOND, "name": "second", "shard": int(shard_of(SECOND))}
    add_row(tx, "deployment", {**deployment._mapping, **own})
    add_row(tx, "subscription", {**follower._mapping, "id": "su9", "deployment_id": SECOND})


@cache
def _template(instrument: Instrument, accounts: int, is_crowded: bool) -> sqlite3.Connection:
    """A copy with one deployment and so many subscribers."""

    def fill(tx: db.Tx) -> None:
        base_rows(tx, instrument)
        for number in range(1, accounts + 1):
            own: dict[str, Any] = {"max_age_seconds": 3 + number}
            if number > 1:
                own |= {"slippage": D("0.01"), "max_daily_loss": D("0.5")}
            subscriber_rows(tx, instrument, number, own)
        if is_crowded:
            second_rows(tx, instrument)

    _blank().backup(_raw())
    _engine().store.forget()
    replace(_engine(), clock=_Still())._transact(None, fill)
    return _copy()


@cache
def _blank() -> sqlite3.Connection:
    return _copy()


def _copy() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    _raw().backup(made)
    return made


def store_of_this_process() -> Store:
    return _engine().store


def _raw() -> sqlite3.Connection:
    return store_of_this_process().raw


@dataclass
class _Still(SimClock):
    def monotonic(self) -> float:
        return 0.0


def open_sea(
    chart: Chart, rng: random.Random, refit: Callable[[Sea, Ship], None], desk: type[Desk]
) -> Sea:
    # CoinDCX documents no stop at market on spot: there we watch the price ourselves.
    kinds = ("limit", "market", "stop_limit") if chart.venue == "coindcx" else None
    instrument = (
        future() if chart.kind == "fut" else spot(**({"order_types": kinds} if kinds else {}))
    )
    _blank()
    _template(instrument, chart.accounts, chart.is_crowded).backup(_raw())
    _engine().store.forget()
    clock = SimClock()
    shared = replace(_engine(), clock=clock)
    ways = (chart.lost, chart.slow, chart.late, chart.cut, chart.create_late)
    weather = Weather(rng, SCALE, chart.outages, *ways)
    sea = Sea(chart, rng, shared, clock, weather, instrument, refit, desk)
    if chart.venue == "paper":
        sea.paper = PaperBroker(shared, clock, PaperSettings(), SCALE)
        return sea

    sea.exchange = build.exchange(chart.switches, ms(START))
    sea.exchange.world.ledger.keep_requests = False
    for n in range(1, chart.accounts + 1):
        purse = {"USDT": D("10000")}
        sea.exchange.world.open_account(f"ac{n}", "secret", dict(purse), dict(purse))
    sea.exchange.faults.seed(chart.seed, dict(chart.faults))
    return sea
