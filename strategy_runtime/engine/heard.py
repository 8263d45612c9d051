"""Recorded ticks, for strategies that decide on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from strategy_runtime.sdk.bars import Column, Times
from strategy_runtime.wire.messages import Tick

CONFLATE_MS = 100  # as the market publishes them


@dataclass(frozen=True, slots=True)
class Ticks:
    """Oldest first, at most one per 100 ms: what a container would have heard."""

    at_ms: Times
    price: Column
    quantity: Column

    def __len__(self) -> int:
        return len(self.at_ms)

    def between(self, first: int, last: int, *, until_ms: int) -> Iterator[Tick]:
        cut = slice(first, last)
        lists = (self.at_ms[cut].tolist(), self.price[cut].tolist(), self.quantity[cut].tolist())
        for at_ms, price, quantity in zip(*lists, strict=True):
            if at_ms < until_ms:
                yield Tick(at_ms, Decimal(repr(price)), Decimal(repr(quantity)))


def conflated(at_ms: Times, price: Column, quantity: Column) -> Ticks:
    """The last of each 100 ms, with all that traded in them."""
    if not len(at_ms):
        return Ticks(at_ms, price, quantity)
    moments = at_ms // CONFLATE_MS
    starts = np.flatnonzero(np.diff(moments, prepend=moments[:1] - 1))
    last = np.append(starts[1:], len(at_ms)) - 1
    return Ticks(at_ms[last], price[last], np.add.reduceat(quantity, starts))
