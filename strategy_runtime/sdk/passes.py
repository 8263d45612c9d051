"""The vectorised passes: the same numbers as candle by candle, bit for bit.

A window's pass folds the same blocks in the same order (`numpy.ufunc.accumulate` goes strictly from
left to right). What depends on its own last value, as an average that is smoothed, cannot be
vectorised without another rounding: that is one plain loop over a list.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from strategy_runtime.sdk.bars import Column, Times

Matrix = NDArray[np.float64]
Kernel = Callable[[Matrix], Matrix]


def rolling(values: Column, seq: Times, size: int, kernel: Kernel, filler: float = 0.0) -> Column:
    """`kernel` over blocks of `size`, aligned by `seq`; NaN until there are so many values."""
    out = np.full(len(values), np.nan)
    for start, end in _runs(seq):
        lead = values[max(0, start - size) : start]
        skip = int(seq[start]) % size + size
        flat = np.full(-(-(skip + end - start) // size) * size, filler)
        flat[skip - len(lead) : skip] = lead
        flat[skip : skip + end - start] = values[start:end]
        answers = kernel(flat.reshape(-1, size)).reshape(-1)
        out[start:end] = answers[skip : skip + end - start]
    out[: size - 1] = np.nan
    return out


def later(values: Column, seq: Times, over: Callable[[Column, Times], Column]) -> Column:
    """A pass over what has a value only from some candle on."""
    first = int(np.isnan(values).argmin()) if len(values) else 0
    if len(values) and np.isnan(values[first]):
        return values
    out = np.full(len(values), np.nan)
    out[first:] = over(values[first:], seq[first:])
    return out


def total(size: int) -> Kernel:
    return lambda blocks: _fold(np.add, blocks)


def highest(size: int) -> Kernel:
    return lambda blocks: _fold(np.maximum, blocks)


def lowest(size: int) -> Kernel:
    return lambda blocks: _fold(np.minimum, blocks)


def weighted(size: int) -> Kernel:
    def kernel(blocks: Matrix) -> Matrix:
        sums = np.add.accumulate(blocks, axis=1)
        places = np.arange(1, size + 1, dtype=np.float64)
        out = (size - places) * sums + np.add.accumulate(places * blocks, axis=1)
        rising = np.add.accumulate(np.add.accumulate(blocks[:, ::-1], axis=1), axis=1)[:, ::-1]
        out[1:, :-1] = rising[:-1, 1:] + out[1:, :-1]
        return out

    return kernel


def variance(size: int) -> Kernel:
    return lambda blocks: _moments(blocks, size)[1]


def mean(size: int) -> Kernel:
    return lambda blocks: _moments(blocks, size)[0]


def _moments(blocks: Matrix, size: int) -> tuple[Matrix, Matrix]:
    pivot = blocks[:, :1]
    distance = blocks - pivot
    sums = np.add.accumulate(distance, axis=1)
    squares = np.add.accumulate(distance * distance, axis=1)
    before = blocks[:-1, :0:-1] - pivot[1:]
    sums[1:, :-1] = np.add.accumulate(before, axis=1)[:, ::-1] + sums[1:, :-1]
    squares[1:, :-1] = np.add.accumulate(before * before, axis=1)[:, ::-1] + squares[1:, :-1]
    offset = sums / size
    spread = squares / size - offset * offset
    return pivot + offset, np.where(spread > 0.0, spread, 0.0)


def _fold(fold: np.ufunc, blocks: Matrix) -> Matrix:
    heads: Matrix = fold.accumulate(blocks, axis=1)
    tails = fold.accumulate(blocks[:, ::-1], axis=1)[:, ::-1]
    heads[1:, :-1] = fold(tails[:-1, 1:], heads[1:, :-1])
    return heads


def _runs(seq: Times) -> Iterator[tuple[int, int]]:
    """Where candles follow each other without a gap."""
    if not len(seq):
        return
    starts = [0, *(np.flatnonzero(np.diff(seq) != 1) + 1).tolist()]
    yield from zip(starts, [*starts[1:], len(seq)], strict=True)
