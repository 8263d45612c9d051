"""Recorded candles as columns: what a backtest runs on and the vectorised passes read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import DURATION_MS

Column = NDArray[np.float64]
Times = NDArray[np.int64]

PRICES = ("open", "high", "low", "close", "volume")
CHUNK = 8_192


class BadBars(ValueError):
    """Candles that no market can have made. The text names the row."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Oldest first. `seq` counts candles: a step above one is a gap."""

    resolution: str
    open_ms: Times
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column

    def __len__(self) -> int:
        return len(self.open_ms)

    @property
    def seq(self) -> Times:
        return self.open_ms // DURATION_MS[self.resolution]

    @property
    def close_ms(self) -> Times:
        return self.open_ms + DURATION_MS[self.resolution]

    def column(self, name: str) -> Column:
        found: Column = getattr(self, name)
        return found

    def part(self, start: int, end: int) -> "Bars":
        cut = slice(start, end)
        return Bars(
            self.resolution, self.open_ms[cut], *(self.column(name)[cut] for name in PRICES)
        )

    def alone(self) -> "Bars":
        """A copy, behind whose columns there is nothing more."""
        columns = {name: self.column(name).copy() for name in PRICES}
        return Bars(self.resolution, self.open_ms.copy(), **columns)

    def candles(self) -> Iterator[Candle]:
        for start in range(0, len(self), CHUNK):
            some = self.part(start, start + CHUNK)
            columns = [some.column(name).tolist() for name in PRICES]
            yield from map(Candle, some.open_ms.tolist(), *columns, some.seq.tolist())

    def sha256(self) -> str:
        """The data's name: the same candles have the same, however they were stored."""
        digest = sha256(self.resolution.encode())
        digest.update(self.open_ms.astype("<i8").tobytes())
        for name in PRICES:
            digest.update(self.column(name).astype("<f8").tobytes())
        return digest.hexdigest()


def bars_of(resolution: str, candles: Iterable[Candle]) -> Bars:
    rows = list(candles)
    columns = [np.array([getattr(row, name) for row in rows], np.float64) for name in PRICES]
    return Bars(resolution, np.array([row.open_ms for row in rows], np.int64), *columns)


def checked(bars: Bars) -> Bars:
    """The same bars, or BadBars with the first row that cannot be."""
    length = DURATION_MS[bars.resolution]
    offset = 4 * DURATION_MS["1d"] if bars.resolution == "1w" else 0
    top = np.maximum(bars.open, bars.close)
    bottom = np.minimum(bars.open, bars.close)
    prices = np.stack([bars.open, bars.high, bars.low, bars.close])
    wrong = {
        "a time that is no multiple of the resolution": (bars.open_ms - offset) % length != 0,
        "a price that is not finite or not above zero": ~(
            np.isfinite(prices).all(axis=0) & (prices > 0).all(axis=0)
        ),
        "a high or low that does not hold its open and close": (bars.high < top)
        | (bars.low > bottom),
        "a volume below zero or not finite": ~(np.isfinite(bars.volume) & (bars.volume >= 0)),
        "a time that does not come after the one before": np.concatenate(
            ([False], np.diff(bars.open_ms) <= 0)
        ),
    }
    for what, mask in wrong.items():
        if mask.any():
            row = int(mask.argmax())
            raise BadBars(f"candle {row + 1}, opened at {int(bars.open_ms[row])} ms, has {what}")
    return bars
