"""Longer candles from shorter ones, for strategies that look at several resolutions."""

import numpy as np

from strategy_runtime.sdk.bars import BadBars, Bars
from strategy_runtime.wire.resolutions import DURATION_MS


def aggregate(bars: Bars, resolution: str) -> Bars:
    """Whole candles only: one whose beginning or end is not recorded is left out."""
    length, part = DURATION_MS[resolution], DURATION_MS[bars.resolution]
    if length <= part or length % part:
        raise BadBars(f"candles of {resolution} cannot be made of {bars.resolution} candles")
    offset = 4 * DURATION_MS["1d"] if resolution == "1w" else 0
    number = (bars.open_ms - offset) // length
    starts = np.flatnonzero(np.diff(number, prepend=number[:1] - 1))
    sizes = np.diff(np.append(starts, len(bars)))
    opens = number[starts] * length + offset
    whole = sizes == length // part
    if not len(starts):
        return bars.part(0, 0) if bars.resolution == resolution else _empty(resolution)
    made = Bars(
        resolution,
        opens,
        bars.open[starts],
        np.maximum.reduceat(bars.high, starts),
        np.minimum.reduceat(bars.low, starts),
        bars.close[starts + sizes - 1],
        np.add.reduceat(bars.volume, starts),
    )
    columns = (made.open, made.high, made.low, made.close, made.volume)
    return Bars(resolution, made.open_ms[whole], *(column[whole] for column in columns))


def _empty(resolution: str) -> Bars:
    nothing = np.zeros(0)
    return Bars(resolution, np.zeros(0, np.int64), *(nothing for _ in range(5)))
