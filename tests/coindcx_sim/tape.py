"""Where prices stand: a path for each instrument, scripted or walked from a seed."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tests.coindcx_sim.timers import Timers

Moved = Callable[[str, int], None]

BASIS = Decimal("0.0001")
MINUTE_MS = 60_000
TRADES_KEPT = 500


@dataclass(slots=True)
class Bar:
    """One minute's trades; longer bars are made of these. An interval without one has no bar."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def add(self, price: Decimal, quantity: Decimal) -> None:
        self.high, self.low = max(self.high, price), min(self.low, price)
        self.close = price
        self.volume += quantity

    def merge(self, later: "Bar") -> None:
        self.high, self.low = max(self.high, later.high), min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume


@dataclass
class Line:
    """One instrument's market at this moment. `liquidity` is what the book holds on each side at
    its best price until the price moves; None has no end.
    """

    last: Decimal
    tick: Decimal
    spread_ticks: int = 1
    mark: Decimal | None = None
    liquidity: Decimal | None = None
    left: dict[str, Decimal] = field(default_factory=dict)
    funding_rate: Decimal = BASIS
    trades: list[tuple[int, Decimal, Decimal]] = field(default_factory=list)
    minutes: dict[int, Bar] = field(default_factory=dict)  # by open time, in order

    @property
    def ask(self) -> Decimal:
        return self.last + self.tick * self.spread_ticks

    @property
    def bid(self) -> Decimal:
        return max(self.tick, self.last - self.tick * self.spread_ticks)

    @property
    def mark_price(self) -> Decimal:
        return self.mark if self.mark is not None else self.last

    def trade(self, at_ms: int, price: Decimal, quantity: Decimal) -> None:
        self.last = price
        self.left.clear()
        self.trades.append((at_ms, price, quantity))
        del self.trades[:-TRADES_KEPT]
        opened = at_ms // MINUTE_MS * MINUTE_MS
        bar = self.minutes.get(opened)
        if bar is None:
            self.minutes[opened] = Bar(price, price, price, price, quantity)
        else:
            bar.add(price, quantity)

    def bars(self, start_ms: int, end_ms: int, minutes: int) -> dict[int, Bar]:
        """Bars that open in [start, end], by open time; the last may still be forming."""
        width = minutes * MINUTE_MS
        found: dict[int, Bar] = {}
        asked = range(start_ms // width * width, end_ms + width, MINUTE_MS)
        some = asked if len(asked) < len(self.minutes) else self.minutes
        for opened in some:
            bar, at_ms = self.minutes.get(opened), opened // width * width
            if bar is None:
                continue
            if not start_ms <= at_ms <= end_ms:
                continue
            if at_ms in found:
                found[at_ms].merge(bar)
            else:
                found[at_ms] = replace(bar)
        return found

    def take(self, side: str, wanted: Decimal) -> Decimal:
        """How much of a marketable order this market can fill now."""
        if self.liquidity is None:
            return wanted
        left = self.left.get(side, self.liquidity)
        taken = min(left, wanted)
        self.left[side] = left - taken
        return taken


@dataclass
class Tape:
    timers: Timers
    moved: Moved
    lines: dict[str, Line] = field(default_factory=dict)

    def add(self, name: str, price: Decimal, tick: Decimal) -> None:
        self.lines[name] = Line(price, tick)

    def line(self, name: str) -> Line:
        return self.lines[name]

    def move(self, name: str, price: Decimal, at_ms: int) -> None:
        """The last price is now this; whatever it crosses happens."""
        self.lines[name].trade(at_ms, price, Decimal("0.01"))
        self.moved(name, at_ms)

    def past(self, name: str, *, seed: int, minutes: int, until_ms: int) -> None:
        """A seeded walk backwards from the last price: minutes that traded before we began."""
        rng, line = random.Random(f"{seed}/past/{name}"), self.lines[name]
        price, made = line.last, dict[int, Bar]()
        first = until_ms // MINUTE_MS * MINUTE_MS
        for n in range(1, minutes + 1):
            ticks = int(rng.gauss(0, float(price / line.tick) * 0.0003))
            opened = max(line.tick, price + line.tick * ticks)
            volume = Decimal(rng.randrange(1, 500)) / 100
            made[first - n * MINUTE_MS] = Bar(
                opened, max(opened, price), min(opened, price), price, volume
            )
            price = opened
        line.minutes = dict(sorted(made.items())) | line.minutes

    def script(self, name: str, points: Iterable[tuple[int, Decimal]]) -> None:
        for at_ms, price in points:
            self._later(name, at_ms, price)

    def walk(
        self, name: str, *, seed: int, from_ms: int, step_ms: int, volatility: float = 0.0005
    ) -> None:
        """An endless seeded walk, drawn step by step as time passes."""
        rng = random.Random(f"{seed}/{name}")
        line = self.lines[name]

        def step(at_ms: int) -> None:
            ticks = int(rng.gauss(0, float(line.last / line.tick) * volatility))
            self.move(name, max(line.tick, line.last + line.tick * ticks), at_ms)
            self.timers.at(at_ms + step_ms, step)

        self.timers.at(from_ms + step_ms, step)

    def _later(self, name: str, at_ms: int, price: Decimal) -> None:
        self.timers.at(at_ms, lambda now_ms: self.move(name, price, now_ms))
