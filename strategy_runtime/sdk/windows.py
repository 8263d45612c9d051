"""Sums and extremes over the last n values, in O(1) a value, without subtraction.

Values are cut into blocks of n by their index. A window is the tail of one block and the head of
the next, so two partial folds answer it. Nothing is ever taken away again: a sum does not drift,
and it depends on exactly its n values and their index, not on when the process started.
"""

from array import array
from collections.abc import Callable
from math import nan

Fold = Callable[[float, float], float]


def add(a: float, b: float) -> float:
    return a + b


def higher(a: float, b: float) -> float:
    return a if a > b else b


def lower(a: float, b: float) -> float:
    return a if a < b else b


class Window:
    def __init__(self, size: int, fold: Fold, start: float) -> None:
        self._size = size
        self._fold = fold
        self._ring = array("d", [start]) * size
        self._tails = array("d", [start]) * (size + 1)
        self._start = start
        self._head = start
        self._next_index = 0
        self._seen = 0

    def push(self, index: int, value: float) -> float:
        """The fold of the last `size` values; NaN until there are so many."""
        slot = index % self._size
        if slot == 0:
            self._fold_tails(1)
            self._head = value
        else:
            self._head = self._fold(self._head, value)

        self._ring[slot] = value
        self._next_index = index + 1
        self._seen += 1
        if self._seen < self._size:
            return nan
        if slot == self._size - 1:
            return self._head
        return self._fold(self._tails[slot + 1], self._head)

    def realign(self, index: int) -> None:
        """Count the values so far as those right before `index`, whatever is missing between."""
        size = self._size
        oldest = self._next_index % size
        in_order = self._ring[oldest:] + self._ring[:oldest]
        for age, value in enumerate(in_order):
            self._ring[(index + age) % size] = value

        self._fold_tails(index % size or 1)
        self._head = self._start
        for value in self._ring[: index % size]:
            self._head = self._fold(self._head, value)

    def _fold_tails(self, first: int) -> None:
        """From the right, so that `tails[i]` is the fold of slot i up to the block's end."""
        tail = self._start
        for slot in range(self._size - 1, first - 1, -1):
            tail = self._fold(self._ring[slot], tail)
            self._tails[slot] = tail
