"""A trader at the simulated venue: our own client on a clock that stands still."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from control_plane.brokers.coindcx import futures, futures_positions, spot
from control_plane.brokers.coindcx.calls import Call
from control_plane.brokers.coindcx.client import Client
from control_plane.brokers.coindcx.models import FuturesOrder, Position, SpotOrder
from control_plane.brokers.coindcx.outcomes import Accepted, Outcome, Refused, Unknown
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.clock import from_ms, ms
from tests.coindcx_sim.accounts import Account
from tests.coindcx_sim.build import START_MS, populated
from tests.coindcx_sim.exchange import Exchange
from tests.coindcx_sim.faults import Fault
from tests.coindcx_sim.inprocess import SimNet
from tests.coindcx_sim.switches import Switches
from tests.fakes.clock import FakeClock

T = TypeVar("T")


@dataclass
class Desk:
    switches: Switches = field(default_factory=Switches)
    clock: FakeClock = field(default_factory=lambda: FakeClock(start=from_ms(START_MS)))
    key: Credentials = field(default_factory=lambda: Credentials("key-0", "secret-0"))
    exchange: Exchange = field(init=False)
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.exchange = populated(2, self.switches)
        self.client = Client(SimNet(self.exchange, self.clock))

    @property
    def account(self) -> Account:
        return self.exchange.world.accounts[self.key.key]

    def now(self) -> int:
        return ms(self.clock.now())

    async def wait(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        self.exchange.advance(self.now())

    def move(self, name: str, price: str) -> None:
        self.exchange.move(name, Decimal(price), self.now())

    def fault(self, name: str, value: float = 0.0, *, path: str = "", detail: str = "") -> None:
        self.exchange.faults.script(Fault(name, value, detail), path=path)

    def strike(self, name: str, value: float = 0.0, detail: str = "") -> None:
        self.exchange.strike(self.key.key, Fault(name, value, detail), self.now())

    async def outcome(self, call: Call[T]) -> Outcome[T]:
        return await self.client.ask(call, self.key, self.now())

    async def ask(self, call: Call[T]) -> T:
        found = await self.outcome(call)
        assert isinstance(found, Accepted), found
        return found.value

    async def refused(self, call: Call[T]) -> Refused:
        found = await self.outcome(call)
        assert isinstance(found, Refused), found
        return found

    async def doubt(self, call: Call[T]) -> Unknown:
        found = await self.outcome(call)
        assert isinstance(found, Unknown), found
        return found

    async def place(self, order: spot.NewOrder) -> SpotOrder:
        return await self.ask(self.creating(order))

    def creating(self, order: spot.NewOrder) -> Call[SpotOrder]:
        echo = self.switches.echo
        return spot.create(order, require_echo=echo, signed_ms=self.now(), skew_ms=2_000)

    async def place_futures(self, order: futures.NewFuturesOrder) -> FuturesOrder:
        return await self.ask(futures.create(order, signed_ms=self.now(), skew_ms=2_000))

    async def free(self, currency: str) -> Decimal:
        found = await self.ask(spot.balances())
        return next(each.free for each in found if each.currency == currency)

    async def position(self, pair: str) -> Position:
        (found,) = await self.ask(futures_positions.positions((pair,)))
        return found


def limit(
    name: str, price: str, quantity: str = "0.001", side: str = "buy", market: str = "BTCINR"
) -> spot.NewOrder:
    return spot.NewOrder(market, side, "limit_order", Decimal(quantity), name, Decimal(price))


def perpetual(
    side: str = "buy",
    quantity: str = "0.01",
    *,
    pair: str = "B-BTC_USDT",
    book: str = "USDT",
    price: str | None = None,
    stop: str | None = None,
    stop_loss: str | None = None,
    take_profit: str | None = None,
    kind: str | None = None,
    force: str | None = None,
    margin_type: str = "isolated",
) -> futures.NewFuturesOrder:
    return futures.NewFuturesOrder(
        pair,
        side,
        kind or ("limit_order" if price else "market_order"),
        Decimal(quantity),
        Decimal(5),
        book,
        price=Decimal(price) if price else None,
        stop_price=Decimal(stop) if stop else None,
        stop_loss=Decimal(stop_loss) if stop_loss else None,
        take_profit=Decimal(take_profit) if take_profit else None,
        time_in_force=force,
        margin_type=margin_type,
    )
