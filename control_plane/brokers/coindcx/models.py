"""What CoinDCX says, as values: everything that a reply can hold and that we use."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Side = Literal["buy", "sell"]
SIDES = ("buy", "sell")

SPOT_OPEN = ("init", "open", "partially_filled")
SPOT_DONE = ("filled", "partially_cancelled", "cancelled", "rejected")
SPOT_STATUSES = SPOT_OPEN + SPOT_DONE
FUTURES_OPEN = ("initial", "open", "partially_filled", "untriggered")
FUTURES_STATUSES = (*FUTURES_OPEN, "filled", "partially_cancelled", "cancelled", "rejected")
MARGIN_STATUSES = (
    "init",
    "open",
    "partial_entry",
    "partial_close",
    "cancelled",
    "rejected",
    "close",
    "triggered",
)
BOOKS = ("USDT", "INR")
MARGIN_TYPES = ("isolated", "crossed")


@dataclass(frozen=True, slots=True)
class Balance:
    currency: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True)
class User:
    """Personal data stays behind: the hash of the id alone tells two accounts apart."""

    id_sha256: str


@dataclass(frozen=True, slots=True)
class SpotOrder:
    id: str
    client_order_id: str  # empty where the venue does not echo it
    market: str
    side: str
    order_type: str
    status: str
    quantity: Decimal
    remaining: Decimal
    price: Decimal
    average_price: Decimal
    stop_price: Decimal
    fee: Decimal
    cancelled: Decimal | None  # sockets alone tell it
    created_ms: int
    updated_ms: int

    @property
    def is_open(self) -> bool:
        return self.status in SPOT_OPEN

    @property
    def filled(self) -> Decimal | None:
        """None where subtraction proves nothing: after a cancel the fills alone tell."""
        if self.status == "filled":
            return self.quantity
        if self.status in {"cancelled", "partially_cancelled", "rejected"}:
            return None
        return self.quantity - self.remaining


@dataclass(frozen=True, slots=True)
class SpotTrade:
    id: str
    order_id: str
    market: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    at_ms: int
    ecode: str = ""


@dataclass(frozen=True, slots=True)
class Ack:
    """The venue took note; what came of it has to be read back."""

    group_id: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One element of a batch that was refused while others were not."""

    message: str


@dataclass(frozen=True, slots=True)
class FuturesOrder:
    id: str
    pair: str
    side: str
    order_type: str
    status: str
    quantity: Decimal
    remaining: Decimal
    cancelled: Decimal
    price: Decimal
    stop_price: Decimal
    average_price: Decimal
    fee: Decimal
    leverage: Decimal
    margin_currency: str
    margin_type: str
    take_profit: Decimal | None
    stop_loss: Decimal | None
    stage: str
    group_id: str
    created_ms: int
    updated_ms: int

    @property
    def is_open(self) -> bool:
        return self.status in FUTURES_OPEN

    @property
    def filled(self) -> Decimal:
        return self.quantity - self.remaining - self.cancelled


@dataclass(frozen=True, slots=True)
class Leg:
    """One half of a `create_tpsl` reply: an order, or why there is none."""

    order: FuturesOrder | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class StopsPlaced:
    stop_loss: Leg | None
    take_profit: Leg | None


@dataclass(frozen=True, slots=True)
class Position:
    id: str
    pair: str
    margin_currency: str
    quantity: Decimal  # signed: short is negative
    average_price: Decimal
    liquidation_price: Decimal
    locked_margin: Decimal
    locked_user_margin: Decimal
    locked_order_margin: Decimal
    leverage: Decimal | None
    maintenance_margin: Decimal | None
    mark_price: Decimal | None
    margin_type: str
    take_profit: Decimal | None
    stop_loss: Decimal | None
    updated_ms: int

    @property
    def is_flat(self) -> bool:
        return not self.quantity


@dataclass(frozen=True, slots=True)
class FuturesTrade:
    fill_id: str  # empty in old rows
    order_id: str
    pair: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal  # USDT, in both books
    is_maker: bool
    margin_currency: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """A trade's or a funding's booking, in the margin currency."""

    pair: str
    stage: str
    amount: Decimal
    fee: Decimal
    margin_currency: str
    parent_id: str
    position_id: str
    source: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Wallet:
    id: str
    currency: str
    balance: Decimal
    locked: Decimal
    cross_order: Decimal
    cross_user: Decimal

    @property
    def crossed(self) -> Decimal:
        """What crossed orders and positions stand on: still in the balance, and not free."""
        return self.cross_order + self.cross_user


@dataclass(frozen=True, slots=True)
class WalletTransaction:
    wallet_id: str
    kind: str
    amount: Decimal
    currency: str
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class CrossMargin:
    pnl: Decimal
    maintenance_margin: Decimal
    equity: Decimal
    wallet_balance: Decimal
    available_cross: Decimal
    available_isolated: Decimal
    margin_ratio: Decimal
    withdrawable: Decimal
    updated_ms: int


@dataclass(frozen=True, slots=True)
class MarginLeg:
    """What a margin order placed for its entry, its stop or its target; told on demand."""

    id: str
    order_type: str
    status: str
    side: str
    quantity: Decimal
    filled: Decimal
    price: Decimal
    stop_price: Decimal
    stage: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class MarginOrder:
    id: str
    market: str
    side: str
    order_type: str
    status: str
    quantity: Decimal
    price: Decimal
    active: Decimal
    average_entry: Decimal
    average_exit: Decimal
    stop_loss: Decimal
    target: Decimal
    leverage: Decimal
    pnl: Decimal
    created_ms: int
    updated_ms: int
    legs: tuple[MarginLeg, ...] = ()


@dataclass(frozen=True, slots=True)
class Lent:
    id: str
    currency: str
    amount: Decimal
    interest: Decimal  # percent
    days: int
    is_open: bool
    created_ms: int
