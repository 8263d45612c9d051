"""What an exchange's own list of bars says of the past: the truth that sockets are measured by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from control_plane.brokers.coindcx import public
from control_plane.brokers.coindcx.answers import told
from control_plane.brokers.coindcx.lanes import Lanes
from control_plane.market.models.aggregation import Rollup
from control_plane.market.models.live import Shape
from control_plane.market.models.spans import Spans, starts
from control_plane.market.models.trades import Closed
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import DURATION_MS, Resolution, sequence

# What the list calls the resolutions that it has; the others are built from these.
CODES: Mapping[Resolution, str] = {
    "1m": "1",
    "5m": "5",
    "15m": "15",
    "30m": "30",
    "1h": "60",
    "4h": "240",
    "8h": "480",
    "1d": "1D",
}
MOST_BARS = 5_000  # of one question; twice as many have been answered
# At least a thousand candles of nearly every resolution come of it.
PAST: Spans = (
    ("1d", 700),
    ("4h", 1_050),
    ("1h", 1_050),
    ("15m", 1_050),
    ("5m", 1_050),
    ("1m", 1_500),
)


@dataclass(frozen=True)
class History:
    lanes: Lanes
    past: Spans = PAST

    async def shapes(
        self, instrument: Instrument, resolution: Resolution, from_ms: int, until_ms: int
    ) -> dict[int, Shape]:
        """Bars that open in [from, until), by their open time; one without a trade may be missing.
        `VenueUnreachable` if there is no answer.
        """
        width = DURATION_MS[resolution]
        found: dict[int, Shape] = {}
        for begin in range(from_ms, until_ms, MOST_BARS * width):
            end = min(until_ms, begin + MOST_BARS * width)
            call = public.candlesticks(
                instrument.pair,
                CODES[resolution],
                # A bar more before: nobody says whether the first moment belongs to it.
                (begin - width) // 1000,
                end // 1000,
                futures=instrument.is_futures,
            )
            for bar in told(await self.lanes.look(call)):
                if begin <= bar.open_ms < end and bar.open_ms % width == 0:
                    prices = (bar.open, bar.high, bar.low, bar.close, bar.volume)
                    found[bar.open_ms] = Shape(*map(float, prices))
        return found

    async def beginning(self, instrument: Instrument, until_ms: int) -> Sequence[Closed]:
        """The past of an instrument that is new here, oldest first."""
        rollup, close, closed = Rollup(instrument.quantity_step), None, list[Closed]()
        begins = starts(self.past, until_ms)
        for (resolution, _), begin, end in zip(
            self.past, begins, [*begins[1:], until_ms], strict=True
        ):
            shapes = await self.shapes(instrument, resolution, begin, end)
            for candle in filled(shapes, resolution, begin, end, close):
                close = candle.close
                closed += rollup.add(instrument.id, candle, resolution)
        return closed


def filled(
    shapes: Mapping[int, Shape],
    resolution: Resolution,
    from_ms: int,
    until_ms: int,
    close: float | None,
) -> list[Candle]:
    """Every candle of the span; where nobody traded, flat at the close before it. What came before
    the first trade of all is nothing.
    """
    made: list[Candle] = []
    for open_ms in range(from_ms, until_ms, DURATION_MS[resolution]):
        shape = shapes.get(open_ms)
        if shape is None and close is None:
            continue
        if shape is None:
            assert close is not None
            shape = Shape(close, close, close, close, 0.0)
        close = shape.close
        made.append(Candle(open_ms, *shape, sequence(resolution, open_ms)))
    return made
