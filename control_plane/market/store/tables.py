"""The market's tables."""

from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Money, table


class InstrumentRow(SQLModel, table=True):
    """Columns are the fields of `rules.Instrument`, with the feed that delivers it."""

    __tablename__: ClassVar[str] = "instrument"

    id: str = Field(primary_key=True)  # spot:B-BTC_USDT, fut:B-BTC_USDT
    kind: str  # spot | fut
    pair: str
    base: str
    quote: str
    feed: str = "simulated"
    active: bool = True
    exit_only: bool = False
    tick_size: Decimal = Field(sa_type=Money)
    quantity_step: Decimal = Field(sa_type=Money)
    min_quantity: Decimal = Field(sa_type=Money)
    max_quantity: Decimal | None = Field(default=None, sa_type=Money)
    min_notional: Decimal = Field(sa_type=Money)
    max_leverage: Decimal = Field(default=Decimal(1), sa_type=Money)
    leverage_tiers: str = Field(default="[]", sa_type=Text)  # [["25","50000"], …]
    maintenance_rate: Decimal = Field(default=Decimal("0.02"), sa_type=Money)
    maker_fee: Decimal = Field(sa_type=Money)
    taker_fee: Decimal = Field(sa_type=Money)
    order_types: str = "limit,market,stop_limit,stop_market"
    version: int = 1  # rises with each change of a rule
    max_market_quantity: Decimal | None = Field(default=None, sa_type=Money)
    min_price: Decimal | None = Field(default=None, sa_type=Money)
    max_price: Decimal | None = Field(default=None, sa_type=Money)
    band_up: Decimal | None = Field(default=None, sa_type=Money)
    band_down: Decimal | None = Field(default=None, sa_type=Money)


class CandleRow(SQLModel, table=True):
    """Prices of candles are measurements, not money: floats, as every indicator wants them."""

    __tablename__: ClassVar[str] = "candle"

    instrument: str = Field(primary_key=True)
    resolution: str = Field(primary_key=True)
    open_ms: int = Field(primary_key=True, sa_type=BigInteger)
    open: float
    high: float
    low: float
    close: float
    volume: float
    published_ms: int = Field(default=0, sa_type=BigInteger)  # operational time
    gap_filled: bool = False


class MarketTimeRow(SQLModel, table=True):
    """How a feed's time follows real time."""

    __tablename__: ClassVar[str] = "market_time"

    feed: str = Field(primary_key=True)
    anchor_market_ms: int = Field(sa_type=BigInteger)
    anchor_real_ms: int = Field(sa_type=BigInteger)
    speed: float = 1.0
    seed: int = Field(default=0, sa_type=BigInteger)


class LagRow(SQLModel, table=True):
    """An instrument whose feed is behind or cannot be believed: no entry is made on its prices."""

    __tablename__: ClassVar[str] = "market_lag"

    instrument: str = Field(primary_key=True)
    feed: str
    reason: str
    since_ms: int = Field(sa_type=BigInteger)


class RateRow(SQLModel, table=True):
    """What one unit of a currency costs in another where an exchange converts at a price of its
    own.
    """

    __tablename__: ClassVar[str] = "market_rate"

    currency: str = Field(primary_key=True)
    priced_in: str = Field(primary_key=True)
    price: Decimal = Field(sa_type=Money)
    read_ms: int = Field(sa_type=BigInteger)


class WantRow(SQLModel, table=True):
    """Somebody reads this history: its stream is kept as long as anybody does."""

    __tablename__: ClassVar[str] = "market_want"

    instrument: str = Field(primary_key=True)
    resolution: str = Field(primary_key=True)
    wanted_by: str = Field(primary_key=True, index=True)
    lookback: int


instruments = table(InstrumentRow)
candles = table(CandleRow)
market_times = table(MarketTimeRow)
lags = table(LagRow)
rates = table(RateRow)
wants = table(WantRow)
