"""What feeds deliver, and the port that each of them fills: the simulated one, an exchange's."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from control_plane.core.clock import MarketTime
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import DURATION_MS, Resolution

MINUTE_MS = DURATION_MS["1m"]


class Trade(Struct, frozen=True, gc=False):
    """One trade at the venue. `id` rises with each and names it: the same id is the same trade."""

    instrument: str
    id: int
    at_ms: int  # market time
    price: Decimal
    quantity: Decimal


class Closed(Struct, frozen=True, gc=False):
    """A candle that is complete, with what it is a candle of."""

    instrument: str
    resolution: Resolution
    candle: Candle


@dataclass(frozen=True)
class Point:
    """Where an instrument's minutes go on: the next one opens at `open_ms`, after `close`."""

    instrument: Instrument
    open_ms: int
    close: float


@dataclass(frozen=True)
class Batch:
    """All trades before `upto_ms` have come, but for late ones."""

    upto_ms: int
    trades: Sequence[Trade]


class Feed(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def lateness_ms(self) -> int:
        """How long after a boundary its trades may still arrive."""
        ...

    def instruments(self) -> Sequence[Instrument]:
        """What it can deliver."""
        ...

    async def beginning(self, instrument: Instrument, until_ms: int) -> Sequence[Closed]:
        """The past of an instrument that is new here, oldest first, without a gap before
        `until_ms`.
        """
        ...

    async def missed(self, point: Point, until_ms: int) -> Sequence[Candle]:
        """The minutes from `point` on that closed while nobody listened."""
        ...

    def trades(self, points: Sequence[Point], time: MarketTime) -> AsyncGenerator[Batch, None]:
        """Trades as they happen, from the points on. Yields without trades too, so that candles
        close on time.
        """
        ...
