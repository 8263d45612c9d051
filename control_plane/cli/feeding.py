"""Candles for `slipway run --paper`: a simulated market of this machine, or a Slipway's own."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol, cast

from msgspec import Struct

from control_plane.cli.session import Api
from control_plane.client import calls
from control_plane.core.clock import Clock, ms
from control_plane.market.models.aggregation import Rollup
from control_plane.market.models.catalogue import Listing
from control_plane.market.models.simulation import candle, trades
from strategy_runtime.wire.messages import Candle, Tick
from strategy_runtime.wire.resolutions import close_of, open_of, sequence

MINUTE_MS = 60_000
LOOK_SECONDS = 1.0
MOST_PAST = 1_000  # candles that the API gives at once
MOST_DAYS = 30


class Step(Struct, frozen=True):
    """What one moment of the market brings, in the order in which it is to be seen."""

    ticks: tuple[Tick, ...] = ()
    closed: tuple[tuple[str, Candle], ...] = ()  # the longest first, the base's own last


class Feed(Protocol):
    async def past(self, window: int) -> Sequence[Step]:
        """Candles to warm up with."""

    def steps(self) -> AsyncIterator[Step]:
        """What comes after those, as it comes."""


class Simulated:
    """The past up to now, and then minutes as fast as `speed` says."""

    def __init__(
        self,
        listing: Listing,
        resolutions: Sequence[str],
        clock: Clock,
        *,
        speed: float,
        seed: int,
        ticks: bool,
    ) -> None:
        self._listing = listing
        self._resolutions = tuple(resolutions)  # the base first
        self._clock = clock
        self._speed = speed
        self._seed = seed
        self._ticks = ticks
        self._rollup = Rollup(listing.instrument.quantity_step)
        self._open_ms = 0
        self._close = float(listing.price)

    async def past(self, window: int) -> Sequence[Step]:
        end = ms(self._clock.now()) // MINUTE_MS * MINUTE_MS
        longest = max(
            close_of(name, open_of(name, end)) - open_of(name, end) for name in self._resolutions
        )
        self._open_ms = end - min(window * longest, MOST_DAYS * 86_400_000) // MINUTE_MS * MINUTE_MS
        found = []
        while self._open_ms < end:
            step = self._minute(with_ticks=False)
            if step.closed:
                found.append(step)
        return found

    async def steps(self) -> AsyncIterator[Step]:
        while True:
            await self._clock.sleep(MINUTE_MS / 1_000 / self._speed)
            step = self._minute(with_ticks=self._ticks)
            if step.closed or step.ticks:
                yield step

    def _minute(self, *, with_ticks: bool) -> Step:
        made = candle(self._listing, self._seed, self._open_ms, self._close)
        ticks = tuple(self._trades()) if with_ticks else ()
        self._open_ms, self._close = self._open_ms + MINUTE_MS, made.close
        every = self._rollup.add(self._listing.instrument.id, made)
        closed = {one.resolution: one.candle for one in every}
        wanted = [name for name in reversed(self._resolutions) if name in closed]
        return Step(ticks, tuple((name, closed[name]) for name in wanted))

    def _trades(self) -> Iterator[Tick]:
        for one in trades(self._listing, self._seed, self._open_ms, self._close):
            yield Tick(one.at_ms, one.price, one.quantity)


class Remote:
    """The candles of a running Slipway, asked for every second."""

    def __init__(self, api: Api, instrument: str, resolutions: Sequence[str], clock: Clock) -> None:
        self._api = api
        self._instrument = instrument
        self._resolutions = tuple(resolutions)
        self._clock = clock
        self._seen = dict.fromkeys(resolutions, -1)

    async def past(self, window: int) -> Sequence[Step]:
        return await self._new(min(window, MOST_PAST))

    async def steps(self) -> AsyncIterator[Step]:
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            for step in await self._new(100):
                yield step

    async def _new(self, limit: int) -> list[Step]:
        found: list[tuple[int, int, str, Candle]] = []
        for rank, name in enumerate(reversed(self._resolutions)):
            asked = calls.list_candles(
                instrument=self._instrument, resolution=cast("Any", name), limit=limit
            )
            rows = await self._api.rows(asked)
            for one in (candle_of(row, name) for row in rows):
                if one.open_ms > self._seen[name]:
                    self._seen[name] = one.open_ms
                    found.append((close_of(name, one.open_ms), rank, name, one))
        found.sort(key=lambda item: item[:2])
        return [Step(closed=((name, one),)) for _, _, name, one in found]


def candle_of(row: Any, resolution: str) -> Candle:
    """A candle of the API as the runtime has it."""
    open_ms = ms(datetime.fromisoformat(row["open_at"]))
    opened, high, low, close = (float(row[name]) for name in ("open", "high", "low", "close"))
    number = sequence(resolution, open_ms)
    return Candle(open_ms, opened, high, low, close, float(row["volume"]), number)
