"""When a candle that was not said in time was due, so that nobody takes an old price for fresh."""

from collections.abc import Sequence

import msgspec

from control_plane.core.clock import MarketTime
from control_plane.market.models.trades import Closed
from strategy_runtime.wire.resolutions import close_of


def dated(closed: Sequence[Closed], time: MarketTime, *, gap: bool) -> list[Closed]:
    return [
        Closed(
            one.instrument,
            one.resolution,
            msgspec.structs.replace(
                one.candle,
                published_ms=time.real_at(close_of(one.resolution, one.candle.open_ms)),
                gap_filled=gap,
            ),
        )
        for one in closed
    ]
