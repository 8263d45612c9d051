"""Whose keys, whose money, whose orders."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

ZERO = Decimal(0)


@dataclass(slots=True)
class Purse:
    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(slots=True)
class SpotOrder:
    id: int
    client_order_id: str
    market: str
    side: str
    kind: str
    quantity: Decimal
    price: Decimal
    stop_price: Decimal
    fee_percent: Decimal
    created_ms: int
    updated_ms: int
    status: str = "init"
    remaining: Decimal = ZERO
    spent: Decimal = ZERO  # Σ price × quantity
    fee: Decimal = ZERO
    locked: Decimal = ZERO  # of what it pays with
    triggered: bool = True
    visible_ms: int = 0
    fill_share: Decimal | None = None  # a fault: only so much of it fills
    foreign: bool = False

    @property
    def filled(self) -> Decimal:
        return self.quantity - self.remaining


@dataclass(slots=True)
class FuturesOrder:
    id: str
    pair: str
    book: str
    side: str
    kind: str
    quantity: Decimal
    price: Decimal
    stop_price: Decimal
    leverage: Decimal
    created_ms: int
    updated_ms: int
    time_in_force: str = "good_till_cancel"
    status: str = "open"
    remaining: Decimal = ZERO
    cancelled: Decimal = ZERO
    spent: Decimal = ZERO
    fee: Decimal = ZERO
    ideal_margin: Decimal = ZERO
    locked: Decimal = ZERO  # USDT
    peg: Decimal = ZERO
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    margin_type: str = "isolated"
    category: str | None = None
    stage: str = "default"
    group_id: str | None = None
    visible_ms: int = 0
    fill_share: Decimal | None = None
    foreign: bool = False

    @property
    def filled(self) -> Decimal:
        return self.quantity - self.remaining - self.cancelled


@dataclass(slots=True)
class Position:
    id: str
    pair: str
    book: str
    quantity: Decimal = ZERO
    average: Decimal = ZERO
    locked_margin: Decimal = ZERO  # USDT
    user_margin: Decimal = ZERO
    leverage: Decimal | None = None
    margin_type: str = "isolated"
    settlement_average: Decimal = ZERO
    updated_ms: int = 0
    both_fire: bool = False  # a fault: stop and target both execute


@dataclass(slots=True)
class Account:
    number: int
    key: str
    secret: bytes
    user_id: str
    coindcx_id: str
    purses: dict[str, Purse] = field(default_factory=dict)
    wallets: dict[str, Purse] = field(default_factory=dict)
    orders: dict[int, SpotOrder] = field(default_factory=dict)
    by_client_id: dict[str, SpotOrder] = field(default_factory=dict)
    open_spot: dict[int, SpotOrder] = field(default_factory=dict)
    trades: list[dict[str, Any]] = field(default_factory=list)
    futures: dict[str, FuturesOrder] = field(default_factory=dict)
    open_futures: dict[str, FuturesOrder] = field(default_factory=dict)
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    leverages: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    futures_trades: list[dict[str, Any]] = field(default_factory=list)
    transactions: list[dict[str, Any]] = field(default_factory=list)
    wallet_moves: list[dict[str, Any]] = field(default_factory=list)
    margin_orders: list[dict[str, Any]] = field(default_factory=list)
    lent: list[dict[str, Any]] = field(default_factory=list)
    balance_shown_ms: int = 0  # a fault: balances are shown as they were
    balances_before: list[dict[str, Any]] | None = None

    def purse(self, currency: str) -> Purse:
        return self.purses.setdefault(currency, Purse())
