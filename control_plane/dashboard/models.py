"""How Slipway stands, in one picture: what the status page and `slipway status` show."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

SAILING = frozenset({"running", "lagging"})


@dataclass(frozen=True)
class Ship:
    """A deployment and its container."""

    id: str
    name: str
    strategy: str
    instrument: str
    resolution: str
    desired: str
    observed: str
    reason: str
    generation: int
    restarts: int
    launcher: str
    lag_ms: int | None
    memory_bytes: int | None
    memory_limit_mb: int


@dataclass(frozen=True)
class SignalLine:
    id: str
    accepted_at: datetime
    deployment: str
    instrument: str
    action: str
    price: Decimal
    state: str
    refusal: str | None


@dataclass(frozen=True)
class OrderLine:
    id: str
    sent_at: datetime
    instrument: str
    side: str
    kind: str
    quantity: Decimal
    filled: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    state: str
    reason: str | None


@dataclass(frozen=True)
class TradeLine:
    id: str
    opened_at: datetime
    closed_at: datetime | None
    deployment: str
    instrument: str
    side: str
    quantity: Decimal
    entry_price: Decimal | None
    exit_price: Decimal | None
    pnl: Decimal | None  # realised, after fees; of an open trade what it would come to now
    currency: str
    state: str


@dataclass(frozen=True)
class Profit:
    currency: str
    pnl: Decimal


@dataclass(frozen=True)
class Counts:
    deployments: int
    running: int
    signals: int
    orders: int
    trades: int


@dataclass(frozen=True)
class Lack:
    """Something that Slipway needs and has not."""

    part: str
    what: str


@dataclass(frozen=True)
class Picture:
    at: datetime
    version: str
    market_at: datetime
    speed: float
    counts: Counts
    totals: tuple[Profit, ...]
    missing: tuple[Lack, ...]
    deployments: tuple[Ship, ...]
    signals: tuple[SignalLine, ...]
    orders: tuple[OrderLine, ...]
    trades: tuple[TradeLine, ...]


def sailing(ships: Iterable[Ship]) -> int:
    """How many decide now, or would if they were not behind."""
    return sum(ship.observed in SAILING for ship in ships)
