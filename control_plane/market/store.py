"""Instruments, candles and how each feed's time runs."""

from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Money, table


class InstrumentRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "instrument"

    id: str = Field(primary_key=True)  # spot:B-BTC_USDT, fut:B-BTC_USDT
    kind: str  # spot | fut
    pair: str
    base: str
    quote: str
    feed: str = "simulated"
    active: bool = True
    tick_size: Decimal = Field(sa_type=Money)
    quantity_step: Decimal = Field(sa_type=Money)
    min_quantity: Decimal = Field(sa_type=Money)
    min_notional: Decimal = Field(sa_type=Money)
    max_leverage: Decimal = Field(default=Decimal(1), sa_type=Money)
    maker_fee: Decimal = Field(sa_type=Money)
    taker_fee: Decimal = Field(sa_type=Money)
    order_types: str = "limit,market,stop_limit,stop_market"
    version: int = 1


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
    gap_filled: bool = False


class MarketTimeRow(SQLModel, table=True):
    """How a feed's time follows real time."""

    __tablename__: ClassVar[str] = "market_time"

    feed: str = Field(primary_key=True)
    anchor_market_ms: int = Field(sa_type=BigInteger)
    anchor_real_ms: int = Field(sa_type=BigInteger)
    speed: float = 1.0
    seed: int = Field(default=0, sa_type=BigInteger)


instruments = table(InstrumentRow)
candles = table(CandleRow)
market_times = table(MarketTimeRow)
