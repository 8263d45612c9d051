"""Hears what a feed would say on the bus."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from control_plane.market.models.trades import Closed, Trade


@dataclass
class FakeVoice:
    said: list[Closed] = field(default_factory=list)
    ticks: list[Trade] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)

    def tick(self, trade: Trade) -> None:
        self.ticks.append(trade)

    def candles(self, closed: Sequence[Closed]) -> None:
        self.said += closed

    def renew(self, instruments: Collection[str]) -> None:
        self.renewed += instruments
