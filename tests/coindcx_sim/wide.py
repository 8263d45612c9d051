"""Channels about a whole product, and order books as changes: what is said depends on what was said
before.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.coindcx_sim.channels import Said
from tests.coindcx_sim.world import World

SNAPSHOT_MS = 60_000
BOOK_SNAPSHOT_MS = 2_000
# What is said, of which product, how often at most.
WIDE = {
    "currentPrices@spot@1s": ("currentPrices", "spot", 1_000),
    "currentPrices@spot@10s": ("currentPrices", "spot", 10_000),
    "currentPrices@futures@rt": ("currentPrices", "futures", 0),
    "priceStats@spot@60s": ("priceStats", "spot", 10_000),
}


@dataclass
class Wide:
    """One such channel of one host."""

    world: World
    name: str
    changed: set[str] = field(default_factory=set)
    said_ms: int = 0
    snapshot_ms: int = 0
    number: int = 0

    @property
    def is_futures(self) -> bool:
        return WIDE[self.name][1] == "futures"

    def moved(self, name: str, at_ms: int) -> list[Said]:
        """What has to be said now that this price moved."""
        if (name in self.world.futures) is not self.is_futures:
            return []
        self.changed.add(name)
        what, product, every_ms = WIDE[self.name]
        told: list[Said] = []
        if product == "spot" and at_ms - self.snapshot_ms >= SNAPSHOT_MS:
            self.snapshot_ms = at_ms
            told.append(self._told("snapshot", what, product, list(self.world.spot), at_ms))
        if at_ms - self.said_ms >= every_ms:
            told.append(self._told("update", what, product, sorted(self.changed), at_ms))
            self.changed.clear()
            self.said_ms = at_ms
        return told

    def _told(self, kind: str, what: str, product: str, names: list[str], at_ms: int) -> Said:
        self.number += 1
        rows = {name: self._row(what, name, at_ms) for name in names}
        key = "prices" if what == "currentPrices" else "stats"
        mark = "futures" if self.is_futures else "SPOT"
        told = {"pr": mark, key: rows, "ts": at_ms, "vs": self.number}
        return f"{what}@{product}#{kind}", told

    def _row(self, what: str, name: str, at_ms: int) -> Any:
        line = self.world.tape.line(name)
        if what == "priceStats":
            return {"pc": "0.5", "ts": 0, "v": "100.5"}
        if self.is_futures:
            return {"mp": line.mark_price, "ls": line.last, "bmST": at_ms, "cmRT": at_ms}
        return line.last


@dataclass
class Book:
    """An order book channel: whole now and then, and its changes in between."""

    number: int = 0
    snapshot_ms: int = 0
    levels: dict[str, dict[str, str]] = field(default_factory=dict)

    def told(self, whole: dict[str, Any], at_ms: int) -> Said:
        now = {side: dict(whole[side]) for side in ("asks", "bids")}
        before, self.levels = self.levels, now
        if at_ms - self.snapshot_ms >= BOOK_SNAPSHOT_MS or not before:
            self.snapshot_ms = at_ms
            return "depth-snapshot", {**whole, "vs": self.number}
        self.number += 1
        changes = {side: _changes(before[side], now[side]) for side in now}
        return "depth-update", {**whole, **changes, "vs": self.number}


def _changes(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    gone = dict.fromkeys(before.keys() - now.keys(), "0")
    return gone | {price: size for price, size in now.items() if before.get(price) != size}
