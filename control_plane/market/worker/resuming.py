"""Where a real instrument goes on: what the exchange lists since the table's last minute is read
and kept, or its whole past if it is new here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from loguru import logger

from control_plane.core.clock import REAL_MARKET
from control_plane.infra.db import Database
from control_plane.market import store
from control_plane.market.models.aggregation import Rollup
from control_plane.market.models.dating import dated
from control_plane.market.models.trades import MINUTE_MS, Closed
from control_plane.market.service.history import History, filled
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire.messages import Candle

FILL_MS = 2_000 * MINUTE_MS  # read, and kept, together


@dataclass(frozen=True)
class Resumer:
    db: Database
    history: History
    feed: str

    async def resume(
        self, one: Instrument, rollup: Rollup, until_ms: int
    ) -> tuple[int, float | None]:
        """When the first minute opens that is not kept, and the close before it. The rollup takes
        up the longer candles that are under way then.
        """
        last = await self.db.read(store.last_minute, one.id)
        if last is None:
            past = await self.history.beginning(one, until_ms)
            await self._keep(dated(past, REAL_MARKET, gap=False))
            last = await self.db.read(store.last_minute, one.id)
        if last is None:
            return until_ms, None
        begin = last.open_ms + MINUTE_MS
        parts = await self.db.read(store.open_parts, one.id, begin)
        for whole, some in parts.items():
            rollup.resume(whole, some)
        return max(begin, until_ms), await self._fill(one, rollup, last, until_ms)

    async def _fill(self, one: Instrument, rollup: Rollup, last: Candle, until_ms: int) -> float:
        close, begin = last.close, last.open_ms + MINUTE_MS
        for from_ms in range(begin, until_ms, FILL_MS):
            end = min(until_ms, from_ms + FILL_MS)
            shapes = await self.history.shapes(one, "1m", from_ms, end)
            minutes = filled(shapes, "1m", from_ms, end, close)
            closed = [each for minute in minutes for each in rollup.add(one.id, minute)]
            await self._keep(dated(closed, REAL_MARKET, gap=True))
            close = minutes[-1].close
        if begin < until_ms:
            count = (until_ms - begin) // MINUTE_MS
            logger.info("market_gap_filled", instrument=one.id, minutes=count)
        return close

    async def _keep(self, closed: Sequence[Closed]) -> None:
        await self.db.write(store.add_fed, closed, self.feed)
