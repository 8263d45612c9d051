"""The paper exchange's own books: what CoinDCX would keep on its side."""

from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Money, table


class PaperBalanceRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "paper_balance"

    account: str = Field(primary_key=True)
    wallet: str = Field(primary_key=True, default="spot")  # spot | futures
    currency: str = Field(primary_key=True)
    free: Decimal = Field(default=Decimal(0), sa_type=Money)
    locked: Decimal = Field(default=Decimal(0), sa_type=Money)


class PaperOrderRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "paper_order"
    __table_args__ = (
        Index("uq_paper_order_client", "account", "client_order_id", unique=True),
        Index("ix_paper_order_open", "instrument", "state"),
    )

    id: str = Field(primary_key=True)
    account: str = Field(index=True)
    client_order_id: str
    instrument: str
    side: str  # buy | sell
    kind: str  # limit | market | stop_market | stop_limit | take_profit
    price: Decimal | None = Field(default=None, sa_type=Money)
    trigger_price: Decimal | None = Field(default=None, sa_type=Money)
    quantity: Decimal = Field(sa_type=Money)
    filled: Decimal = Field(default=Decimal(0), sa_type=Money)
    reduce_only: bool = False
    leverage: Decimal = Field(default=Decimal(1), sa_type=Money)
    margin_currency: str = ""
    stop_loss: Decimal | None = Field(default=None, sa_type=Money)
    take_profit: Decimal | None = Field(default=None, sa_type=Money)
    state: str = "open"  # open | partial | filled | cancelled | rejected | untriggered
    reason: str | None = None
    created_ms: int = Field(sa_type=BigInteger)
    updated_ms: int = Field(sa_type=BigInteger)


class PaperFillRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "paper_fill"

    id: str = Field(primary_key=True)
    order_id: str = Field(index=True)
    account: str = Field(index=True)
    instrument: str
    side: str
    quantity: Decimal = Field(sa_type=Money)
    price: Decimal = Field(sa_type=Money)
    fee: Decimal = Field(sa_type=Money)
    fee_currency: str
    at_ms: int = Field(sa_type=BigInteger)


class PaperPositionRow(SQLModel, table=True):
    """A futures position; spot positions are balances."""

    __tablename__: ClassVar[str] = "paper_position"

    account: str = Field(primary_key=True)
    instrument: str = Field(primary_key=True)
    margin_currency: str = Field(primary_key=True)
    quantity: Decimal = Field(default=Decimal(0), sa_type=Money)  # signed: short is negative
    entry_price: Decimal = Field(default=Decimal(0), sa_type=Money)
    leverage: Decimal = Field(default=Decimal(1), sa_type=Money)
    margin: Decimal = Field(default=Decimal(0), sa_type=Money)
    stop_loss: Decimal | None = Field(default=None, sa_type=Money)
    take_profit: Decimal | None = Field(default=None, sa_type=Money)
    liquidation_price: Decimal | None = Field(default=None, sa_type=Money)
    generation: int = 0  # +1 each time it opens from flat
    updated_ms: int = Field(default=0, sa_type=BigInteger)


paper_balances = table(PaperBalanceRow)
paper_orders = table(PaperOrderRow)
paper_fills = table(PaperFillRow)
paper_positions = table(PaperPositionRow)
