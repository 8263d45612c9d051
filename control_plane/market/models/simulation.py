"""Made-up prices that replay: a minute is a pure function of the seed, the market, which minute it
is and the close before it.

So nothing of the simulation needs storing. After a crash the last stored close continues the very
same history that an unbroken run would have made. Prices go through regimes: they trend, range or
suffer shocks, are moved by a slow wave besides, and are drawn back to where they began, so that a
simulation of any length stays plausible.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import shake_128
from itertools import accumulate
from math import cos, exp, log, pi, sqrt
from typing import NamedTuple

from control_plane.market.models.aggregation import Rollup
from control_plane.market.models.catalogue import Listing
from control_plane.market.models.spans import Spans, starts
from control_plane.market.models.trades import MINUTE_MS, Closed, Trade
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import DURATION_MS, Resolution, sequence

BLOCK = 48  # minutes that one regime lasts
PULL = 0.0003  # of the distance to its starting price, back in each minute
WHOLE = 2**32
COARSE = 8  # prices that a coarse step of the past is made of
ID_SPACE = 1_000  # trades of one minute have ids of their own below this

# What a new market shows as its past: coarse steps long ago, single minutes lately.
# At least two hundred candles of each resolution come of it.
PAST: Spans = (
    ("1d", 1_400),
    ("2h", 660),
    ("1h", 300),
    ("5m", 960),
    ("1m", 1_500),
)


@dataclass(frozen=True)
class Regime:
    """How a block of minutes behaves, in units of the market's volatility."""

    drift: float
    noise: float
    wave: float
    period: float  # minutes
    phase: float
    shock_at: int  # minute of the block; BLOCK is never
    shock: float


class Path(NamedTuple):
    """The trades of an interval, one beside the other, in whole ticks and quantity steps."""

    ticks: list[int]
    lots: list[int]
    lags: list[float]  # where in its slot of the interval each happens, 0 to 1


@lru_cache(maxsize=64)
def regime(seed: int, coin: str, block: int) -> Regime:
    kind, turn, size, period, phase, when = _draws(f"{seed}:regime:{coin}:{block}", 6)
    side = 1.0 if turn < 0.5 else -1.0
    waves = {"period": 12 + 10 * period, "phase": 2 * pi * phase}
    if kind < 0.35:
        return Regime(side * (0.1 + 0.25 * size), 0.8, 0.7, shock_at=BLOCK, shock=0.0, **waves)
    if kind < 0.82:
        return Regime(0.0, 0.5, 0.9 + 0.4 * size, shock_at=BLOCK, shock=0.0, **waves)
    shock = side * (6 + 10 * size)
    return Regime(0.0, 1.5, 0.8, shock_at=int(when * BLOCK), shock=shock, **waves)


def path(listing: Listing, seed: int, open_ms: int, close: float, minutes: int = 1) -> Path:
    """What happens in one minute, or in one coarse step of the far past."""
    name, index = listing.instrument.id, open_ms // MINUTE_MS
    count = _count(listing, seed, index) if minutes == 1 else COARSE
    if count == 0:
        return Path([], [], [])

    draws = _draws(f"{seed}:trades:{name}:{minutes}:{index}", 3 * count)
    move, noise = _move(listing, seed, index, close, minutes)
    wiggle = listing.volatility * noise * 2 * sqrt(minutes / count)
    walk = list(accumulate(draws[:count]))
    # A bridge: it wanders on the way and ends where the story wants it.
    slope = (move - wiggle * walk[-1]) / count
    scale = close / float(listing.instrument.tick_size)
    ticks = [
        max(1, round(scale * (1.0 + wiggle * walked + slope * done)))
        for done, walked in enumerate(walk, start=1)
    ]
    size = 3 * minutes * float(listing.quantity) / float(listing.instrument.quantity_step)
    lots = [1 + int(size * draw * draw * draw) for draw in draws[count : 2 * count]]
    return Path(ticks, lots, draws[2 * count :])


def trades(listing: Listing, seed: int, open_ms: int, close: float) -> list[Trade]:
    made = path(listing, seed, open_ms, close)
    instrument, first = listing.instrument, open_ms // MINUTE_MS * ID_SPACE
    slot = MINUTE_MS / max(1, len(made.ticks))
    return [
        Trade(
            instrument.id,
            first + i,
            open_ms + int((i + lag) * slot),
            instrument.tick_size * ticks,
            instrument.quantity_step * lots,
        )
        for i, (ticks, lots, lag) in enumerate(zip(*made, strict=True))
    ]


def candle(
    listing: Listing, seed: int, open_ms: int, close: float, resolution: Resolution = "1m"
) -> Candle:
    """What the trades of one interval add up to, without making them."""
    ticks, lots, _ = path(listing, seed, open_ms, close, DURATION_MS[resolution] // MINUTE_MS)
    number = sequence(resolution, open_ms)
    if not ticks:
        return Candle(open_ms, close, close, close, close, 0.0, number)

    size, step = listing.instrument.tick_size, listing.instrument.quantity_step
    return Candle(
        open_ms,
        float(size * ticks[0]),
        float(size * max(ticks)),
        float(size * min(ticks)),
        float(size * ticks[-1]),
        float(step * sum(lots)),
        number,
    )


def past(
    listing: Listing,
    seed: int,
    until_ms: int,
    spans: Spans = PAST,
) -> Iterator[Closed]:
    """Candles of every resolution up to `until_ms`, which is a whole minute."""
    rollup = Rollup(listing.instrument.quantity_step)
    close = float(listing.price)
    begins = starts(spans, until_ms)
    for (resolution, _), begin, end in zip(spans, begins, [*begins[1:], until_ms], strict=True):
        for open_ms in range(begin, end, DURATION_MS[resolution]):
            made = candle(listing, seed, open_ms, close, resolution)
            close = made.close
            yield from rollup.add(listing.instrument.id, made, resolution)


def _count(listing: Listing, seed: int, index: int) -> int:
    (share,) = _draws(f"{seed}:count:{listing.instrument.id}:{index}", 1)
    return int(listing.trades * (0.25 + 1.5 * share))


def _move(
    listing: Listing, seed: int, index: int, close: float, minutes: int
) -> tuple[float, float]:
    """The logarithmic return that the coin's story asks for, and how noisy it is on the way."""
    coin = listing.instrument.base
    draws = _draws(f"{seed}:move:{coin}:{minutes}:{index}", 4)
    normal = (sum(draws) - 2) * sqrt(3)  # near enough, and the same on every machine
    away = log(close / float(listing.price))
    back = (1 - exp(-PULL * minutes)) * away
    if minutes > 1:
        return listing.volatility * sqrt(minutes) * 0.7 * normal - back, 1.0

    now = regime(seed, coin, index // BLOCK)
    wave = now.wave * cos(2 * pi * index / now.period + now.phase)
    shock = now.shock if index % BLOCK == now.shock_at else 0.0
    move = now.drift + wave + now.noise * normal + shock
    return listing.volatility * move - back, now.noise


def _draws(key: str, count: int) -> list[float]:
    """Uniform numbers that belong to this key, on every machine and for ever."""
    digest = shake_128(key.encode()).digest(4 * count)
    return [word / WHOLE for word in struct.unpack(f"<{count}I", digest)]
