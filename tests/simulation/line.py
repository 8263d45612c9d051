"""The network between a process and the venue: it loses, delays and breaks, and what is on its way
arrives whether or not whoever sent it still lives.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from control_plane.brokers.errors import OutcomeUnknown, VenueUnreachable
from control_plane.brokers.models import (
    Accepted,
    Balance,
    OrderRequest,
    Position,
    Profile,
    VenueFill,
    VenueOrder,
)
from control_plane.brokers.paper.adapter import PaperBroker
from control_plane.core.clock import ms
from control_plane.core.ids import AccountId
from control_plane.errors import SlipwayError
from control_plane.infra.net import Reply, Request, Unreachable
from strategy_runtime.rules.instruments import Instrument
from tests.coindcx_sim.answers import Answer, Late
from tests.coindcx_sim.exchange import Exchange
from tests.coindcx_sim.inprocess import sim_request
from tests.simulation.process import Fate, SimClock


@dataclass
class Weather:
    """How the line behaves. Everything scales with the operational times."""

    rng: random.Random
    scale: float
    outages: Sequence[tuple[float, float]] = ()
    lost: float = 0.08  # a request, and as often a reply
    slow: float = 0.15
    late: float = 0.15  # up to 25 s on its way
    cut: float = 0.0  # once an order was taken, nothing comes through for a while
    create_late: float = 0.0
    is_calm: bool = False
    down_until: float = 0.0

    def cuts(self) -> bool:
        if self.is_calm or self.rng.random() >= self.cut:
            return False
        now = asyncio.get_running_loop().time()
        self.down_until = now + self.rng.uniform(20, 60) * self.scale
        return True

    def is_down(self) -> bool:
        now = asyncio.get_running_loop().time()
        is_in = now < self.down_until or any(start <= now < end for start, end in self.outages)
        return is_in and not self.is_calm and self.rng.random() < 0.9

    def loses(self) -> bool:
        return not self.is_calm and self.rng.random() < self.lost

    def way_of_create(self) -> float:
        """As late as a venue may still take it, where that is what a history is about."""
        if not self.is_calm and self.rng.random() < self.create_late:
            return self.rng.uniform(6, 11) * self.scale
        return self.way()

    def way(self) -> float:
        """Seconds in one direction."""
        if self.is_calm:
            return 0.02 * self.scale
        draw = self.rng.random()
        if draw < self.late:
            return self.rng.uniform(4, 25) * self.scale
        if draw < self.late + self.slow:
            return self.rng.uniform(0.05, 4) * self.scale
        return 0.05 * self.scale


@dataclass
class SimLine:
    """Our `Net` over the simulated CoinDCX."""

    exchange: Exchange
    weather: Weather
    fate: Fate
    clock: SimClock

    async def send(self, request: Request) -> Reply:
        await self.fate.step()
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Reply] = loop.create_future()
        if not self.weather.loses():
            is_create = request.url.endswith("/create")
            way = self.weather.way_of_create() if is_create else self.weather.way()
            loop.call_later(way, self._arrive, request, answered)
        try:
            async with asyncio.timeout(request.timeout_seconds):
                reply = await answered
        except TimeoutError as error:
            await self.fate.go_on()
            raise Unreachable(f"{request.url} does not answer: timeout.") from error
        await self.fate.step()
        return reply

    def _arrive(self, request: Request, answered: asyncio.Future[Reply]) -> None:
        if self.weather.is_down():
            self._answer(Answer(503, b'{"code":503,"message":"Service Unavailable"}'), answered)
            return
        answer = self.exchange.handle(sim_request(request, "127.0.0.1"), ms(self.clock.now()))
        assert not isinstance(answer, Late)
        if request.url.endswith("/create") and self.weather.cuts():
            return
        if answer.fate == "sent" and not self.weather.loses():
            self._answer(answer, answered)

    def _answer(self, answer: Answer, answered: asyncio.Future[Reply]) -> None:
        headers = {"content-type": answer.content_type, **answer.headers}
        reply = Reply(answer.status, headers, answer.body)
        asyncio.get_running_loop().call_later(self.weather.way(), _settle, answered, reply)


def _settle(answered: asyncio.Future[Reply], reply: Reply) -> None:
    if not answered.done():
        answered.set_result(reply)


@dataclass
class PaperLine:
    """The paper exchange at the end of the same network."""

    paper: PaperBroker
    weather: Weather
    fate: Fate
    timeout_seconds: float

    @property
    def profile(self) -> Profile:
        return self.paper.profile

    async def place(self, order: OrderRequest) -> Accepted:
        found: Accepted = await self._act(self.paper.place, order)
        return found

    async def cancel(self, order: OrderRequest, exchange_order_id: str | None) -> None:
        await self._act(self.paper.cancel, order, exchange_order_id)

    async def protect(
        self,
        account: AccountId,
        instrument: Instrument,
        margin_currency: str,
        stop_loss: Decimal,
        take_profit: Decimal | None,
    ) -> None:
        asked = (account, instrument, margin_currency, stop_loss, take_profit)
        await self._act(self.paper.protect, *asked)

    async def find(self, order: OrderRequest, exchange_order_id: str | None) -> VenueOrder | None:
        found: VenueOrder | None = await self._ask(self.paper.find, order, exchange_order_id)
        return found

    async def open_orders(self, account: AccountId, instrument: Instrument) -> Sequence[VenueOrder]:
        found: Sequence[VenueOrder] = await self._ask(self.paper.open_orders, account, instrument)
        return found

    async def fills_since(self, cursors: Mapping[AccountId, str]) -> Sequence[VenueFill]:
        found: Sequence[VenueFill] = await self._ask(self.paper.fills_since, cursors)
        return found

    async def balances(
        self, accounts: Sequence[AccountId]
    ) -> Mapping[AccountId, Sequence[Balance]]:
        found: Mapping[AccountId, Sequence[Balance]] = await self._ask(
            self.paper.balances, accounts
        )
        return found

    async def positions(self, accounts: Sequence[AccountId]) -> Sequence[Position]:
        found: Sequence[Position] = await self._ask(self.paper.positions, accounts)
        return found

    async def _act(self, what: Any, *asked: Any) -> Any:
        try:
            return await self._over(what, *asked)
        except Unreachable as error:
            raise OutcomeUnknown(error.what) from error

    async def _ask(self, what: Any, *asked: Any) -> Any:
        try:
            return await self._over(what, *asked)
        except Unreachable as error:
            raise VenueUnreachable(error.what) from error

    async def _over(self, what: Any, *asked: Any) -> Any:
        await self.fate.step()
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[tuple[Any, SlipwayError | None]] = loop.create_future()
        if not self.weather.loses():
            loop.call_later(self.weather.way(), self._arrive, what, asked, answered)
        try:
            async with asyncio.timeout(self.timeout_seconds):
                value, refusal = await answered
        except TimeoutError as error:
            await self.fate.go_on()
            raise Unreachable("no answer in time") from error
        await self.fate.step()
        if refusal is not None:
            raise refusal
        return value

    def _arrive(
        self, what: Any, asked: Any, answered: "asyncio.Future[tuple[Any, SlipwayError | None]]"
    ) -> None:
        """The paper exchange answers at once: its books are in an inline database."""
        if self.weather.is_down():
            return
        value, refusal = None, None
        try:
            what(*asked).send(None)
        except StopIteration as done:
            value = done.value
        except SlipwayError as error:
            refusal = error
        if not self.weather.loses():
            loop = asyncio.get_running_loop()
            loop.call_later(self.weather.way(), _give, answered, (value, refusal))


def _give(answered: asyncio.Future[Any], outcome: Any) -> None:
    if not answered.done():
        answered.set_result(outcome)
