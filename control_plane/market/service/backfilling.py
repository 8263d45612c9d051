"""Filling in the past of a real market, for as long as it takes; stopped anywhere, it goes on where
it was.

What is stored says what is done: a stretch that is whole is not asked for again. Nothing that is
there is changed. From minutes every longer candle is built as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from control_plane.core.clock import REAL_MARKET
from control_plane.infra.db import Database, Tx
from control_plane.market import store
from control_plane.market.errors import MadeUpPrices
from control_plane.market.models.aggregation import Rollup
from control_plane.market.models.dating import dated
from control_plane.market.models.trades import Closed
from control_plane.market.service.history import CODES, History, filled
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import DURATION_MS, Resolution, open_of

STRETCH = 1_440  # candles that are read, and kept, together
DAY_MS = DURATION_MS["1d"]
LEFT_TO_THE_FEED_MS = 10 * DURATION_MS["1m"]  # what the list may not know yet


@dataclass(frozen=True)
class Backfilling:
    db: Database
    history: History
    say: Callable[[int, int], None] = lambda _done, _all: None  # stretches

    async def fill(
        self, instrument: Instrument, resolution: Resolution, days: int, now_ms: int
    ) -> int:
        """So many days before now; how many candles are new."""
        await self.db.read(refuse_made_up, instrument.id)
        if resolution not in CODES:
            raise MadeUpPrices(
                f"CoinDCX keeps no bars of {resolution}.",
                field="resolution",
                remedy=f"Choose one of {', '.join(CODES)}; the others are built from 1m.",
            )
        width = DURATION_MS[resolution]
        until_ms = open_of(resolution, now_ms - LEFT_TO_THE_FEED_MS)
        begin_ms = open_of("1d", until_ms - days * DAY_MS)
        begins = range(begin_ms, until_ms, STRETCH * width)
        before = await self.db.read(store.count_candles, instrument.id)
        rollup, close = Rollup(instrument.quantity_step), None
        for done, start in enumerate(begins):
            self.say(done, len(begins))
            end = min(until_ms, start + STRETCH * width)
            candles = await self.stretch(instrument, resolution, start, end, close)
            close = candles[-1].close if candles else close
            closed = _closed(instrument, resolution, candles, rollup)
            await self.db.write(_add, instrument.id, dated(closed, REAL_MARKET, gap=True))
        self.say(len(begins), len(begins))
        return await self.db.read(store.count_candles, instrument.id) - before

    async def stretch(
        self,
        instrument: Instrument,
        resolution: Resolution,
        start: int,
        end: int,
        close: float | None,
    ) -> Sequence[Candle]:
        """As stored, if it is whole; else as the exchange lists it."""
        count = (end - start) // DURATION_MS[resolution]
        stored = await self.db.read(
            store.latest_candles,
            instrument.id,
            resolution,
            count,
            since_ms=start,
            until_ms=end,
        )
        if len(stored) == count:
            return stored
        shapes = await self.history.shapes(instrument, resolution, start, end)
        return filled(shapes, resolution, start, end, close)


def keep(tx: Tx, instrument: Instrument, resolution: Resolution, candles: Sequence[Candle]) -> int:
    """Candles from a file, beside those that are there; how many were new."""
    refuse_made_up(tx, instrument.id)
    before = store.count_candles(tx, instrument.id)
    closed = [Closed(instrument.id, resolution, candle) for candle in candles]
    store.add_candles(tx, dated(closed, REAL_MARKET, gap=True))
    return store.count_candles(tx, instrument.id) - before


def _add(tx: Tx, identity: str, closed: Sequence[Closed]) -> None:
    refuse_made_up(tx, identity)  # it may have become so meanwhile
    store.add_candles(tx, closed)


def refuse_made_up(tx: Tx, identity: str) -> None:
    feed = store.feed_of(tx, identity)
    if feed != "simulated":
        return
    raise MadeUpPrices(
        f"The prices of {identity} are simulated: a real past would not be theirs.",
        field="instrument",
        remedy="Put coindcx first in SLIPWAY_MARKET__FEEDS, and start Slipway once.",
    )


def _closed(
    instrument: Instrument, resolution: Resolution, candles: Sequence[Candle], rollup: Rollup
) -> list[Closed]:
    """From minutes, the longer ones too; of another resolution, these alone: what is built from
    minutes would not be there twice.
    """
    if resolution == "1m":
        return [one for candle in candles for one in rollup.add(instrument.id, candle)]
    return [Closed(instrument.id, resolution, candle) for candle in candles]
