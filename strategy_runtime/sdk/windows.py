"""What the last n values add up to, in O(1) a value, without subtraction.

Values are cut into blocks of n by their index. A window is the tail of one block and the head of
the next, so two partial results answer it. Nothing is ever taken away again: a sum does not drift,
and it depends on exactly its n values and their index, not on when the process started. The same
blocks, folded as a matrix, are the vectorised pass of `passes.py`, operation for operation.
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


class Blocks:
    """Keeps the last `size` values by their slot; what is made of them is the subclass' matter."""

    def __init__(self, size: int, filler: float) -> None:
        self.size = size
        self._ring = array("d", [filler]) * size
        self._next_index = 0
        self._seen = 0

    def push(self, index: int, value: float) -> float:
        """The answer for the last `size` values; NaN until there are so many."""
        slot = index % self.size
        if slot == 0:
            self._turn(value, 1)
        self._head(slot, value)
        self._ring[slot] = value
        self._next_index = index + 1
        self._seen += 1
        return nan if self._seen < self.size else self._answer(slot)

    def realign(self, index: int) -> None:
        """Count the values so far as those right before `index`, whatever is missing between."""
        size = self.size
        oldest = self._next_index % size
        in_order = self._ring[oldest:] + self._ring[:oldest]
        for age, value in enumerate(in_order):
            self._ring[(index + age) % size] = value

        self._turn(self._ring[0], index % size or 1)
        for slot, value in enumerate(self._ring[: index % size]):
            self._head(slot, value)

    def _turn(self, first_value: float, first_slot: int) -> None:
        """A block begins with this value: fold the tails of the one before from `first_slot`."""
        raise NotImplementedError

    def _head(self, slot: int, value: float) -> None:
        raise NotImplementedError

    def _answer(self, slot: int) -> float:
        raise NotImplementedError


class Window(Blocks):
    """One fold: a sum or an extreme."""

    def __init__(self, size: int, fold: Fold, start: float) -> None:
        super().__init__(size, start)
        self._fold = fold
        self._start = start
        self._tails = array("d", [start]) * (size + 1)
        self._total = start

    def _turn(self, first_value: float, first_slot: int) -> None:
        tail, fold, ring, tails = self._start, self._fold, self._ring, self._tails
        for slot in range(self.size - 1, first_slot - 1, -1):
            tail = fold(ring[slot], tail)
            tails[slot] = tail

    def _head(self, slot: int, value: float) -> None:
        self._total = value if slot == 0 else self._fold(self._total, value)

    def _answer(self, slot: int) -> float:
        if slot == self.size - 1:
            return self._total
        return self._fold(self._tails[slot + 1], self._total)


class Weighted(Blocks):
    """The sum of 1 × the oldest, 2 × the next … n × the newest."""

    def __init__(self, size: int) -> None:
        super().__init__(size, 0.0)
        self._tails = array("d", bytes(8 * (size + 1)))
        self._sum = 0.0
        self._rising = 0.0

    def _turn(self, first_value: float, first_slot: int) -> None:
        tail = rising = 0.0
        for slot in range(self.size - 1, first_slot - 1, -1):
            tail = self._ring[slot] + tail
            rising = tail + rising
            self._tails[slot] = rising

    def _head(self, slot: int, value: float) -> None:
        if slot == 0:
            self._sum = self._rising = value
        else:
            self._sum += value
            self._rising += (slot + 1) * value

    def _answer(self, slot: int) -> float:
        head = (self.size - 1 - slot) * self._sum + self._rising
        return head if slot == self.size - 1 else self._tails[slot + 1] + head


class Moments(Blocks):
    """Population variance, around the first value of the newest block: no big number is squared."""

    def __init__(self, size: int) -> None:
        super().__init__(size, 0.0)
        self._tails = array("d", bytes(8 * (size + 1)))
        self._squares = array("d", bytes(8 * (size + 1)))
        self._pivot = self._sum = self._square = 0.0
        self.mean = nan

    def _turn(self, first_value: float, first_slot: int) -> None:
        self._pivot = first_value
        tail = square = 0.0
        for slot in range(self.size - 1, first_slot - 1, -1):
            distance = self._ring[slot] - first_value
            tail = distance + tail
            square = distance * distance + square
            self._tails[slot], self._squares[slot] = tail, square

    def _head(self, slot: int, value: float) -> None:
        distance = value - self._pivot
        if slot == 0:
            self._sum, self._square = distance, distance * distance
        else:
            self._sum += distance
            self._square += distance * distance

    def _answer(self, slot: int) -> float:
        total, square = self._sum, self._square
        if slot < self.size - 1:
            total = self._tails[slot + 1] + total
            square = self._squares[slot + 1] + square
        offset = total / self.size
        self.mean = self._pivot + offset
        variance = square / self.size - offset * offset
        return variance if variance > 0.0 else 0.0
