"""The live feed over the simulated venue, in one process and on a clock that a test drives."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from control_plane.brokers.coindcx.catalogue import spot_instrument
from control_plane.brokers.coindcx.document import read_json
from control_plane.brokers.coindcx.lanes import Lanes
from control_plane.brokers.coindcx.parse_public import markets
from control_plane.core.clock import from_ms, ms
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.infra.rng import SeededRng
from control_plane.market import store
from control_plane.market.models.live import Shape
from control_plane.market.models.spans import Spans
from control_plane.market.models.trades import MINUTE_MS
from control_plane.market.service.history import History
from control_plane.market.worker import Upstream
from control_plane.market.worker.live import FEED, LiveFeeder
from control_plane.settings import MarketSettings
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import sequence
from tests.coindcx_sim.answers import encoded
from tests.coindcx_sim.broker import UNHURRIED, broker_over
from tests.coindcx_sim.build import START_MS, populated
from tests.coindcx_sim.sockets import CALM, SimSockets, Weather
from tests.factories import future
from tests.fakes.clock import FakeClock
from tests.fakes.voice import FakeVoice

SHORT_PAST: Spans = (("1h", 8), ("1m", 60))
NAMES = {"spot:B-BTC_USDT": "BTCUSDT", "fut:B-BTC_USDT": "B-BTC_USDT"}


def clock_at_start() -> FakeClock:
    return FakeClock(start=from_ms(START_MS))


@dataclass
class Sea:
    """Exchange, sockets, lists of bars, and our feed on all of that."""

    db: Database
    clock: FakeClock
    weather: Weather = CALM
    seed: int = 1
    wanted: set[str] = field(default_factory=lambda: set(NAMES))
    voice: FakeVoice = field(default_factory=FakeVoice)

    def __post_init__(self) -> None:
        self.exchange = populated(1, now_ms=self.now())
        self.sockets = SimSockets(self.exchange, self.seed, self.weather)
        self.lanes: Lanes = broker_over(self.exchange, self.clock, {}, UNHURRIED).lanes
        for name in NAMES.values():
            self.exchange.world.tape.walk(name, seed=self.seed, from_ms=self.now(), step_ms=9_000)

    def now(self) -> int:
        return ms(self.clock.now())

    async def _wanted(self) -> set[str]:
        return self.wanted

    async def feeder(self) -> LiveFeeder:
        leases = Leases("market", "test", "here", self.db, self.clock, Failpoints(self.clock), 1e5)
        await leases.once()
        await self.db.write(store.list_instruments, instruments(self), FEED)
        rng = SeededRng(self.seed)
        urls = {"spot": "spot", "fut": "stream"}
        return LiveFeeder(
            self.db,
            self.clock,
            leases,
            MarketSettings(),
            Upstream(self.sockets, urls, self.clock, rng),
            History(self.lanes, SHORT_PAST),
            self.voice,
            self._wanted,
        )

    async def passes(self, seconds: float, step: float = 3.0) -> None:
        """Time passes for everybody."""
        until = self.clock.seconds + seconds
        while self.clock.seconds < until:
            await self.clock.advance(min(step, until - self.clock.seconds))
            self.exchange.advance(self.now())

    @asynccontextmanager
    async def sailing(self) -> AsyncIterator[LiveFeeder]:
        """A feed that is stepped with the clock: each beat closes what is final."""
        feeder = await self.feeder()
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(feeder.run()), group.create_task(self._beats(feeder))]
            yield feeder
            for task in running:
                task.cancel()

    async def _beats(self, feeder: LiveFeeder) -> None:
        """The feed's own beat follows the loop's clock, which stands still here."""
        while True:
            feeder.wake()
            await self.clock.sleep(1)

    def truth(self, identity: str, from_ms: int, until_ms: int, close: float) -> list[Candle]:
        """What the exchange's tape says of each minute."""
        line = self.exchange.world.tape.line(NAMES[identity])
        made: list[Candle] = []
        for opened in range(from_ms, until_ms, MINUTE_MS):
            bar, number = line.minutes.get(opened), sequence("1m", opened)
            if bar is None:
                made.append(Candle(opened, *(close,) * 4, 0.0, number))
                continue
            close = float(bar.close)
            shape = Shape(*map(float, (bar.open, bar.high, bar.low, bar.close, bar.volume)))
            made.append(Candle(opened, *shape, number))
        return made


def instruments(sea: Sea) -> Sequence[Instrument]:
    rows = encoded([market.row() for market in sea.exchange.world.spot.values()])
    found, _ = markets(read_json(rows, len(rows)))
    return [*(spot_instrument(each, UNHURRIED) for each in found), future()]
