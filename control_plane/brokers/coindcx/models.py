"""What CoinDCX says, as values: everything that a reply can hold and that we use."""

from collections.abc import Mapping
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
    fee: Decimal | None  # a socket's trade may not name it
    at_ms: int


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


@dataclass(frozen=True, slots=True)
class Market:
    """A row of `markets_details`: the rules of a spot order, as sent."""

    name: str
    pair: str
    symbol: str
    ecode: str
    base: str  # the asset that is traded: their "target"
    quote: str  # the asset that it is priced in: their "base"
    price_decimals: int
    quantity_decimals: int
    min_quantity: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    min_price: Decimal
    max_price: Decimal
    min_notional: Decimal
    step: Decimal
    order_types: tuple[str, ...]
    active: bool


@dataclass(frozen=True, slots=True)
class FuturesInstrument:
    pair: str
    margin_currency: str
    base: str
    quote: str
    active: bool
    exit_only: bool
    price_increment: Decimal
    quantity_increment: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    min_price: Decimal
    max_price: Decimal
    min_notional: Decimal
    maker_percent: Decimal
    taker_percent: Decimal
    band_up_percent: Decimal
    band_down_percent: Decimal
    funding_hours: int
    order_types: tuple[str, ...]
    time_in_force: tuple[str, ...]
    leverage_tiers: tuple[tuple[Decimal, Decimal], ...]  # leverage, largest position
    maintenance_tiers: tuple[tuple[Decimal, Decimal], ...]  # position up to, percent


@dataclass(frozen=True, slots=True)
class Ticker:
    market: str
    last: Decimal
    bid: Decimal | None
    ask: Decimal | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class PublicTrade:
    price: Decimal
    quantity: Decimal
    buyer_is_maker: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class Depth:
    """Best first on both sides, whatever order the venue's keys had."""

    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    at_ms: int  # 0 where it is not told


@dataclass(frozen=True, slots=True)
class Bar:
    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True)
class CurrentPrice:
    pair: str
    last: Decimal | None
    mark: Decimal | None
    funding_rate: Decimal | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Conversion:
    symbol: str
    margin_currency: str
    target_currency: str
    price: Decimal
    updated_ms: int


@dataclass(frozen=True, slots=True)
class Stats:
    change_percent: Mapping[str, Decimal]
    high_low: Mapping[str, tuple[Decimal, Decimal]]
