"""The simulated feed: trades at the moments of market time that the simulation gives them."""

from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field

from control_plane.core.clock import Clock, MarketTime, ms
from control_plane.market.models import simulation
from control_plane.market.models.catalogue import BY_ID, Listing
from control_plane.market.models.trades import MINUTE_MS, Batch, Closed, Point, Trade
from control_plane.market.service import SIMULATED
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import Resolution

BEAT_SECONDS = 0.05  # between batches; minutes end on time all the same
SHORTEST_PAUSE_SECONDS = 0.001
LONGEST_BATCH_MS = 60 * MINUTE_MS


@dataclass(frozen=True)
class SimulatedFeed:
    clock: Clock
    seed: int
    listings: Mapping[str, Listing] = field(default_factory=lambda: BY_ID)
    past: Sequence[tuple[Resolution, int]] = simulation.PAST

    name: str = SIMULATED
    lateness_ms: int = 0

    def instruments(self) -> Sequence[Instrument]:
        return [listing.instrument for listing in self.listings.values()]

    async def beginning(self, instrument: Instrument, until_ms: int) -> Sequence[Closed]:
        await self.clock.sleep(0)  # it takes a tenth of a second: others first
        return list(simulation.past(self.listings[instrument.id], self.seed, until_ms, self.past))

    async def missed(self, point: Point, until_ms: int) -> Sequence[Candle]:
        await self.clock.sleep(0)
        listing, close = self.listings[point.instrument.id], point.close
        made: list[Candle] = []
        for open_ms in range(point.open_ms, until_ms, MINUTE_MS):
            made.append(simulation.candle(listing, self.seed, open_ms, close))
            close = made[-1].close
        return made

    async def trades(
        self, points: Sequence[Point], time: MarketTime
    ) -> AsyncGenerator[Batch, None]:
        flows = [_Flow(self.listings[p.instrument.id], self.seed, p) for p in points]
        upto_ms = min(point.open_ms for point in points)
        while True:
            now_ms = time.at(ms(self.clock.now()))
            until_ms = min(now_ms, upto_ms + LONGEST_BATCH_MS)
            if until_ms > upto_ms:
                upto_ms = until_ms
                yield Batch(upto_ms, [t for flow in flows for t in flow.before(upto_ms)])
            await self.clock.sleep(self._pause(time, upto_ms))

    def _pause(self, time: MarketTime, upto_ms: int) -> float:
        boundary_ms = (upto_ms // MINUTE_MS + 1) * MINUTE_MS
        beat_ms = upto_ms + int(BEAT_SECONDS * 1000 * time.speed)
        until = time.real_at(min(boundary_ms, beat_ms)) - ms(self.clock.now())
        return max(SHORTEST_PAUSE_SECONDS, until / 1000)


class _Flow:
    """One instrument's trades, made a minute ahead."""

    def __init__(self, listing: Listing, seed: int, point: Point) -> None:
        self._listing, self._seed = listing, seed
        self._next_ms, self._close = point.open_ms, point.close
        self._made: deque[Trade] = deque()

    def before(self, upto_ms: int) -> list[Trade]:
        taken: list[Trade] = []
        while True:
            while self._made and self._made[0].at_ms < upto_ms:
                taken.append(self._made.popleft())
            if self._made or self._next_ms >= upto_ms:
                return taken
            self._make()

    def _make(self) -> None:
        self._made.extend(simulation.trades(self._listing, self._seed, self._next_ms, self._close))
        self._next_ms += MINUTE_MS
        if self._made:
            self._close = float(self._made[-1].price)
