"""What CoinDCX tells everybody, as values: its rulebook, prices and bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


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
