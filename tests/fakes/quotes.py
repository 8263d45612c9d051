"""Prices that a test sets."""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from control_plane.core.ids import InstrumentId
from strategy_runtime.wire.messages import Tick


@dataclass
class FakeQuotes:
    held: dict[InstrumentId, Tick] = field(default_factory=dict)
    needed: set[InstrumentId] = field(default_factory=set)

    def need(self, identities: Iterable[InstrumentId]) -> None:
        self.needed = set(identities)

    def last(self, identity: InstrumentId) -> Tick | None:
        return self.held.get(identity)

    def known(self) -> Collection[InstrumentId]:
        return self.held.keys()

    @asynccontextmanager
    async def ticks(self) -> AsyncIterator[AsyncIterator[tuple[InstrumentId, Tick]]]:
        yield _each(dict(self.held))


async def _each(held: dict[InstrumentId, Tick]) -> AsyncIterator[tuple[InstrumentId, Tick]]:
    for pair in held.items():
        yield pair
